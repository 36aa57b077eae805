"""The file of a run is made beforehand: the tables are Dagster's, and so are the events."""

import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
from talking import talking

from ich_assets.runtime.compact import PAGE
from ich_assets.runtime.run_files import begin_run_file

BEGUN = "11111111-2222-3333-4444-555555555555"


def file_of(home: dg.DagsterInstance, run_id: str) -> Path:
    return Path(home.root_directory) / "history" / "runs" / f"{run_id}.db"


def read(path: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as file:
        return file.execute(query).fetchall()


def test_a_begun_file_has_the_tables_of_dagsters_and_takes_its_events(home):
    outer = talking.execute_in_process(instance=home).run_id
    begin_run_file(home, BEGUN, outer)
    tables = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2"
    path = file_of(home, BEGUN)
    assert read(path, tables) == read(file_of(home, outer), tables)
    version = "SELECT * FROM alembic_version"
    assert read(path, version) == read(file_of(home, outer), version) != []
    assert read(path, "SELECT count(*) FROM event_logs") == [(0,)]
    talking.execute_in_process(instance=home, run_id=BEGUN)
    kinds = [[entry.dagster_event_type for entry in home.all_logs(run)] for run in (outer, BEGUN)]
    assert kinds[0] == kinds[1] and len(kinds[0]) > 5
    assert read(path, "PRAGMA page_size") == [(PAGE,)]
    assert read(path, "PRAGMA journal_mode") == [("wal",)]
    with dg.DagsterInstance.local_temp(home.root_directory) as another:  # it checks the version
        assert len(another.all_logs(BEGUN)) == len(kinds[1])


def test_without_a_file_to_copy_dagster_makes_its_own(home):
    begin_run_file(home, BEGUN, "a run without a file")
    assert not file_of(home, BEGUN).exists()
    talking.execute_in_process(instance=home, run_id=BEGUN)
    assert read(file_of(home, BEGUN), "PRAGMA page_size") == [(4096,)]


def test_a_store_without_files_of_runs_stays_as_it_is():
    with dg.DagsterInstance.ephemeral() as instance:
        begin_run_file(instance, BEGUN, "outer")
