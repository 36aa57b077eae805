"""Dagster's SQLite files during a batch: safe against a crash, without a wait at every event.

Dagster opens a file, commits and closes it for every event. Closing the last connection to a file
in WAL mode writes everything back and waits for the disk. Here one connection to each file in use
stays open, and commits go to the log alone. A process that dies loses nothing. A power cut may lose
the last events, but never results, which are files of their own.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

KEPT = 8
"""Files kept open at once: the index, the runs, and the events of the last few runs."""
_FILE = "ich file"


@contextmanager
def quick_commits() -> Iterator[None]:
    """Inside the block, commits of SQLite files that SQLAlchemy opens do not wait for the disk.

    Files that are not in WAL mode, and other databases, are unchanged.

    References
    ----------
    sqlite.org/pragma.html#pragma_synchronous, sqlite.org/wal.html
    """
    kept: OrderedDict[str, sqlite3.Connection] = OrderedDict()

    def opening(_dialect: Any, record: Any, arguments: Any, _options: Any) -> None:
        record.info[_FILE] = arguments[0] if arguments else ""

    def opened(connection: Any, record: Any) -> None:
        path = record.info.get(_FILE)
        if not isinstance(connection, sqlite3.Connection) or not path:
            return
        if path not in kept:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                return
            kept[path] = _hold(path)
        connection.execute("PRAGMA synchronous=NORMAL")
        kept.move_to_end(path)
        if len(kept) > KEPT:
            kept.popitem(last=False)[1].close()

    event.listen(Engine, "do_connect", opening)
    event.listen(Engine, "connect", opened)
    try:
        yield
    finally:
        event.remove(Engine, "connect", opened)
        event.remove(Engine, "do_connect", opening)
        for connection in kept.values():
            connection.close()


def _hold(path: str) -> sqlite3.Connection:
    """Open a file and read from it once: only then does the connection keep its log open."""
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection
