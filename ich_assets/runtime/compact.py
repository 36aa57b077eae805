"""Dagster's SQLite file of a run, made small once the run has ended.

Dagster makes a file with some thirty tables and indexes for each run. Each takes a page of 4 KB
even where it is empty, and an event of 1 KB wastes part of its page. With smaller pages the file
of a series takes 0.1 MB less. Nothing of its content changes.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import dagster as dg
from dagster import RunsFilter

from ich_assets.runtime.run_tags import BATCH_TAG

PAGE = 512
"""Bytes of a page; SQLite's default is 4096."""
_PATIENCE_S = 1.0
"""How long a file that another process uses is waited for. It then stays as it is."""


def compact_runs_inside(instance: dg.DagsterInstance, run_id: str) -> None:
    """Make the files of the runs inside a run small.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It holds the runs.
    run_id : str
        The outer run.
    """
    inside = instance.get_runs(RunsFilter(tags={BATCH_TAG: run_id}))
    compact_runs(instance, (run.run_id for run in inside if run.is_finished))


def compact_runs(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> None:
    """Make the files of runs that have ended small. A store without such files stays as it is.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It holds the runs.
    run_ids : iterable of str
        Runs that have ended.

    References
    ----------
    sqlite.org/lang_vacuum.html, sqlite.org/pragma.html#pragma_page_size
    """
    path_of = getattr(instance.event_log_storage, "path_for_shard", None)
    if path_of is None:
        return
    for run_id in run_ids:
        path = Path(path_of(run_id))
        # It may be in use, or the disk be full: the file is whole all the same.
        with suppress(sqlite3.Error, OSError):
            if path.is_file() and path.stat().st_size:
                _compact(path)


def _compact(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)) as file:
        if file.execute("PRAGMA page_size").fetchone()[0] == PAGE:
            return
        # A file in WAL mode keeps the size of its pages.
        if file.execute("PRAGMA journal_mode=DELETE").fetchone()[0] != "delete":
            return
        try:
            file.execute(f"PRAGMA page_size={PAGE}")
            file.execute("VACUUM")
        finally:
            file.execute("PRAGMA journal_mode=WAL")
