"""The times of each series, as the inbox index keeps them."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import astuple, fields
from pathlib import Path

from ich_resources.arrivals import SeriesTimes
from ich_resources.inbox.files import FileIndex
from ich_resources.inbox.times import DAY_S, percentiles

_COLUMNS = ", ".join(field.name for field in fields(SeriesTimes))
PHASE = (
    "CASE WHEN a.state != 'admitted' THEN a.state WHEN a.version = a.offered THEN 'requested' "
    "ELSE 'due' END"
)
"""The phase of a row ``a`` of the table ``arrivals``; see ``Arrival.phase``."""
_TABLE = f"CREATE TABLE times ({_COLUMNS}, PRIMARY KEY (series_instance_uid)) WITHOUT ROWID"
_EARLIER = f"""
INSERT INTO times (series_instance_uid, version, phase, boot, uptime)
SELECT a.series_instance_uid, a.version, {PHASE}, '', 0.0 FROM arrivals a
"""  # noqa: S608 (all of it is our own text)
"""Nobody has seen when the series of an earlier version of the index came."""
_UNTIMED = f"""
SELECT a.series_instance_uid FROM arrivals a
LEFT JOIN times t ON t.series_instance_uid = a.series_instance_uid
WHERE t.version IS NOT a.version OR t.phase IS NOT ({PHASE})
"""  # noqa: S608
_THERE = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'times'"
_RESULTS = (
    "SELECT seconds FROM times WHERE seconds IS NOT NULL AND phase IN ('done', 'incomplete') "
    "AND done >= ?"
)


def add_times(connection: sqlite3.Connection) -> None:
    """Add the table of times to an index that does not have it."""
    if not has_times(connection):
        connection.execute(_TABLE)
        connection.execute(_EARLIER)


def has_times(connection: sqlite3.Connection) -> bool:
    """Return whether an index has the table of times; one of an earlier version lacks it."""
    return bool(connection.execute(_THERE).fetchone()[0])


class TimeIndex(FileIndex):
    """The table ``times`` of an inbox index, beside its files."""

    def untimed(self) -> list[str]:
        """Return the series in another phase or version than when their times were stored."""
        return [uid for (uid,) in self._db.execute(_UNTIMED)]

    def times(self, *series: str) -> dict[str, SeriesTimes]:
        """Return the times of some series, or of all, by SeriesInstanceUID."""
        query = f"SELECT {_COLUMNS} FROM times"  # noqa: S608
        if series:
            query += f" WHERE series_instance_uid IN ({', '.join('?' * len(series))})"
        return {row[0]: SeriesTimes(*row) for row in self._db.execute(query, series)}

    def store_times(self, times: Iterable[SeriesTimes]) -> None:
        """Store times, in place of the earlier ones of their series."""
        marks = ", ".join("?" * len(fields(SeriesTimes)))
        with self._db:
            self._db.executemany(
                f"INSERT OR REPLACE INTO times VALUES ({marks})",  # noqa: S608
                [astuple(each) for each in times],
            )

    def first_seen(self, series: str) -> float | None:
        """Return when the first file of a series was seen, in seconds since 1970."""
        row = self._db.execute("SELECT min(seen) FROM files WHERE series = ?", (series,))
        return row.fetchone()[0]

    def seconds_to_result(self, now: float) -> dict[str, dict[str, float]]:
        """Return how long results took; see ``seconds_to_result``."""
        return results_in(self._db, now)


def seconds_to_result(path: Path, now: float) -> dict[str, dict[str, float]]:
    """Return how long series took from complete to result, from an index that is only read.

    Parameters
    ----------
    path : Path
        The index.
    now : float
        The time, in seconds since 1970.

    Returns
    -------
    dict
        ``all`` and ``last_24_hours``: number of series, p50 and p95 in seconds; see
        ``percentiles``. Empty if the index does not exist or cannot be read.
    """
    try:
        with closing(read_only(path)) as connection:
            return results_in(connection, now)
    except sqlite3.Error:
        return {}


def read_only(path: Path) -> sqlite3.Connection:
    """Open an index that is only read.

    Raises
    ------
    sqlite3.Error
        If it cannot be opened.
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)


def results_in(connection: sqlite3.Connection, now: float) -> dict[str, dict[str, float]]:
    """Return how long results took, from an open index; see ``seconds_to_result``."""
    if not has_times(connection):
        return {}
    since = {"all": float("-inf"), "last_24_hours": now - DAY_S}
    return {
        name: percentiles(value for (value,) in connection.execute(_RESULTS, (first,)))
        for name, first in since.items()
    }
