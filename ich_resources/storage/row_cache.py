"""The kept row of each series (SQLite below ``state``): the tables are joined from it.

It is a cache. A file that is damaged, or of another version, is removed and made again from the
records. No record holds the last good number of a series that is being scored again;
``predictions_per_series.csv`` holds it too.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from ich_resources.errors import StorageError
from ich_resources.storage.files import remove
from ich_resources.storage.table_rows import TableRow

_VERSION = 1
"""Raised when the columns, or the values of a row, change."""
_SCHEMA = """
CREATE TABLE rows (series TEXT PRIMARY KEY, stamp TEXT, row TEXT);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT);
"""


class DamagedRowsError(StorageError):
    """The file was damaged. It is removed, and the next one who opens it makes it again."""


class _DamagedValueError(Exception):
    """A value of the cache cannot be read: the file must be removed."""


class RowCache:
    """The kept rows of one run root. Every change is in a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def stamps(self) -> dict[str, str]:
        """Return the stamp of each series: what its folder was like when its row was made."""
        return dict(self._db.execute("SELECT series, stamp FROM rows"))

    def row(self, series: str) -> TableRow | None:
        """Return the row of a series; None where there is none."""
        found = self._db.execute("SELECT row FROM rows WHERE series = ?", (series,)).fetchone()
        return None if found is None else _row(found[0])

    def rows(self) -> dict[str, TableRow]:
        """Return every row by SeriesInstanceUID."""
        return {s: _row(text) for s, text in self._db.execute("SELECT series, row FROM rows")}

    def put(self, rows: Iterable[tuple[str, TableRow]], notes: Mapping[str, str]) -> None:
        """Store rows in place of the earlier ones, and notes, in one transaction.

        Parameters
        ----------
        rows : iterable of (str, TableRow)
            Each with its stamp.
        notes : mapping of str to str
            What has to be known of this change, also after a kill.
        """
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO rows VALUES (?, ?, ?)",
                [(row.series, stamp, row.to_json()) for stamp, row in rows],
            )
            self._db.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", notes.items())

    def notes(self) -> dict[str, str]:
        """Return every note by its name."""
        return dict(self._db.execute("SELECT name, value FROM notes"))

    def set_notes(self, notes: Mapping[str, str]) -> None:
        """Store notes."""
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", notes.items())


def _row(text: str) -> TableRow:
    try:
        return TableRow.from_json(text)
    except (AttributeError, LookupError, TypeError, ValueError) as err:
        raise _DamagedValueError from err


@contextmanager
def open_cache(path: Path) -> Iterator[RowCache]:
    """Open the cache of a run root; make it if it is missing, damaged or of another version.

    The caller holds the lock of the tables. Damage that is met later ends the block, and the next
    one finds an empty cache.

    Parameters
    ----------
    path : Path
        The SQLite file.

    Raises
    ------
    DamagedRowsError
        If the file was damaged.
    StorageError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(_connected(path)) as connection:
            yield RowCache(connection)
    except (OSError, sqlite3.Error, _DamagedValueError) as err:
        if not _is_damage(err):
            remedy = "make RUN_ROOT writable, or free some space"
            raise StorageError(
                f"the rows of the tables cannot be kept: {err}", path=path, remedy=remedy
            ) from err
        remove([path])
        raise DamagedRowsError(
            "the kept rows of the tables were damaged and are removed",
            path=path,
            remedy="nothing has to be done: they are made again",
        ) from err


def _is_damage(error: Exception) -> bool:
    """Return whether the file is damaged; a full disk, or a lock that is held, is not that."""
    if isinstance(error, sqlite3.OperationalError):
        return error.sqlite_errorcode == sqlite3.SQLITE_ERROR  # a table is missing
    return not isinstance(error, OSError)


def _connected(path: Path) -> sqlite3.Connection:
    """Return a connection to a cache of this version; another file is removed first.

    Raises
    ------
    DatabaseError
        If the file cannot be opened or made.
    """
    connection = sqlite3.connect(path, timeout=30)
    try:
        if _has_version(connection):
            return connection
    except sqlite3.DatabaseError as err:
        if not _is_damage(err):
            connection.close()
            raise
    connection.close()
    remove([path])
    connection = sqlite3.connect(path, timeout=30)
    connection.executescript(f"{_SCHEMA}PRAGMA user_version = {_VERSION};")
    return connection


def _has_version(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION)
