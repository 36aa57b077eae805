"""Quick commits: the log instead of the disk, for SQLite files in WAL mode, and only meanwhile."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.pool import NullPool

from ich_assets.runtime.commits import KEPT, quick_commits

NORMAL, FULL = 1, 2


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "events.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE events (number INTEGER)")
    connection.close()
    return path


def insert(path: Path, number: int) -> int:
    """Add a row as Dagster does, with an engine of its own; return how commits are made."""
    engine = sqlalchemy.create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("INSERT INTO events VALUES (:n)"), {"n": number})
        return connection.execute(sqlalchemy.text("PRAGMA synchronous")).scalar_one()


def rows_elsewhere(path: Path) -> str:
    """What another process reads."""
    code = f"import sqlite3; c = sqlite3.connect({str(path)!r}); "
    code += "print(c.execute('SELECT count(*) FROM events').fetchone()[0])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_commits_go_to_the_log_and_others_see_them(database):
    log = database.with_name("events.db-wal")
    with quick_commits():
        for number in range(3):
            assert insert(database, number) == NORMAL
        assert log.stat().st_size > 0, "the log was written back at every close"
        assert rows_elsewhere(database) == "3"
    assert not log.exists(), "the last close writes everything back"
    assert rows_elsewhere(database) == "3"
    assert insert(database, 3) == FULL


def test_a_process_that_is_killed_loses_nothing(database):
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_commits import insert
from ich_assets.runtime.commits import quick_commits
with quick_commits():
    for number in range(20):
        insert(Path({str(database)!r}), number)
    os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -9
    assert rows_elsewhere(database) == "20"


def test_files_without_a_log_and_those_in_memory_are_left_alone(tmp_path):
    path = tmp_path / "plain.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE events (number INTEGER)")
    connection.close()
    with quick_commits():
        assert insert(path, 1) == FULL
        engine = sqlalchemy.create_engine("sqlite://")
        with engine.connect() as connection:
            assert connection.execute(sqlalchemy.text("PRAGMA synchronous")).scalar_one() == FULL


def test_only_a_few_files_stay_open(tmp_path, database):
    logs = []
    with quick_commits():
        for number in range(KEPT + 3):
            path = tmp_path / f"{number}.db"
            path.write_bytes(database.read_bytes())
            insert(path, number)
            logs.append(path.with_name(f"{number}.db-wal"))
        assert [log.exists() for log in logs] == [False] * 3 + [True] * KEPT


def test_an_error_inside_ends_it_too(database):
    def fail() -> None:
        with quick_commits():
            insert(database, 1)
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail()
    assert insert(database, 2) == FULL
