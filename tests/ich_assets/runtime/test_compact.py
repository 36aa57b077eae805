"""Dagster's file of a run becomes smaller, with the same events, and can be written again."""

import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
from talking import talking

from ich_assets.runtime.compact import PAGE, compact_runs, compact_runs_inside
from ich_assets.runtime.run_tags import BATCH_TAG


def run(home: dg.DagsterInstance, **tags: str) -> tuple[str, Path]:
    tags = {BATCH_TAG: tags["inside"]} if tags else {}
    result = talking.execute_in_process(instance=home, tags=tags)
    path = Path(home.root_directory) / "history" / "runs" / f"{result.run_id}.db"
    return result.run_id, path


def pragma(path: Path, name: str):
    with closing(sqlite3.connect(path)) as file:
        return file.execute(f"PRAGMA {name}").fetchone()[0]


def test_the_file_is_smaller_and_holds_the_same_events(home):
    run_id, path = run(home, inside="outer")
    before, size = home.all_logs(run_id), path.stat().st_size
    compact_runs_inside(home, "outer")
    assert pragma(path, "page_size") == PAGE
    assert pragma(path, "journal_mode") == "wal"
    assert path.stat().st_size < 0.5 * size
    assert home.all_logs(run_id) == before
    home.report_engine_event("one more", home.get_run_by_id(run_id))
    assert len(home.all_logs(run_id)) == len(before) + 1
    compact_runs(home, [run_id, "a run without a file"])
    assert len(home.all_logs(run_id)) == len(before) + 1


def test_a_file_that_is_in_use_stays_as_it_is(home):
    run_id, path = run(home)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        compact_runs(home, [run_id])
        other.execute("ROLLBACK")
    assert (pragma(path, "page_size"), pragma(path, "journal_mode")) == (4096, "wal")


def test_a_store_without_files_of_runs_stays_as_it_is():
    with dg.DagsterInstance.ephemeral() as instance:
        compact_runs(instance, ["a run"])
