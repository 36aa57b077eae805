"""Dagster's SQLite file of a run inside another: a copy of an empty one, with small pages.

Dagster makes some thirty tables and indexes for each run, and reads its migrations to stamp them.
The outer run has a file of this version already. A copy of its tables takes a tenth of the time.
"""

import sqlite3
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path

import dagster as dg

from ich_assets.runtime.compact import PAGE

_WAL = b"\x02\x02"
"""Bytes 18 and 19 of a file in WAL mode."""


def begin_run_file(instance: dg.DagsterInstance, run_id: str, outer: str) -> None:
    """Make the file of a run that begins. A store without such files stays as it is.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It will hold the run.
    run_id : str
        The run.
    outer : str
        The run that it is part of, which has events.

    References
    ----------
    sqlite.org/fileformat.html (1.3, the database header)
    """
    storage = instance.event_log_storage
    path_of = getattr(storage, "path_for_shard", None)
    known = getattr(storage, "_initialized_dbs", None)
    if path_of is None or known is None:
        return
    path, like = Path(path_of(run_id)), Path(path_of(outer))
    # Dagster makes the file itself where this one cannot be made.
    with suppress(sqlite3.Error, OSError):
        empty = _empty_copy(like)
        if _written(path, empty):
            known.add(run_id)


def _written(path: Path, content: bytes) -> bool:
    """Write a file whole, or not at all; return whether it was written."""
    with suppress(OSError):
        path.write_bytes(content)
        return True
    path.unlink(missing_ok=True)
    return False


@lru_cache(maxsize=1)
def _empty_copy(path: Path) -> bytes:
    """Return a file with the tables of another, and its version.

    Raises
    ------
    sqlite3.Error
        If it cannot be read.
    """
    with (
        closing(sqlite3.connect(path.resolve().as_uri() + "?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as copy,
    ):
        made = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        copy.execute(f"PRAGMA page_size={PAGE}")
        for (statement,) in source.execute(f"{made} ORDER BY type DESC"):  # tables, then indexes
            copy.execute(statement)
        (version,) = source.execute("SELECT version_num FROM alembic_version").fetchone()
        copy.execute("INSERT INTO alembic_version VALUES (?)", (version,))
        content = copy.serialize()
    return content[:18] + _WAL + content[20:]
