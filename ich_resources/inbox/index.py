"""The index of the inbox: a small SQLite file below RUN_ROOT with its files and series."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path

from ich_resources.arrivals import Arrival
from ich_resources.errors import StorageError
from ich_resources.folders import FoundFile
from ich_resources.inbox.files import sqlite_text
from ich_resources.inbox.time_index import TimeIndex, add_times

_COLUMN_OF = {"requested_version": "offered", "request_id": "token"}
"""Fields of Arrival with another name in the table: the schema is that of earlier versions."""
_ARRIVAL = [_COLUMN_OF.get(field.name, field.name) for field in fields(Arrival)]
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, folder TEXT, size INTEGER, mtime_ns INTEGER, seen REAL,
    kind TEXT, gone INTEGER DEFAULT 0, study TEXT, series TEXT, sop TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_kind ON files (kind, folder);
CREATE INDEX IF NOT EXISTS files_series ON files (series);
CREATE INDEX IF NOT EXISTS files_study ON files (study);
CREATE INDEX IF NOT EXISTS files_sop ON files (sop);
CREATE TABLE IF NOT EXISTS contents (path BLOB PRIMARY KEY, content TEXT);
CREATE TABLE IF NOT EXISTS growing (series TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS arrivals ({", ".join(_ARRIVAL)}, PRIMARY KEY (series_instance_uid));
CREATE INDEX IF NOT EXISTS arrivals_state ON arrivals (state);
CREATE TABLE IF NOT EXISTS offers (token TEXT, series TEXT, version TEXT);
CREATE INDEX IF NOT EXISTS offers_series ON offers (series);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT);
"""
_REMEDY = "delete this file: the sensor makes a new one, and finished series do not run again"
_GONE = (
    "all files of the series were deleted from the inbox before it was complete: put them back to "
    "have them scored"
)
VERSION = 1
"""Raised with the schema. An index of another version is an error; ``times`` is added to any."""


class InboxIndex(TimeIndex):
    """The index of one inbox: files, series, times, notes. Every change is in a transaction."""

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["InboxIndex"]:
        """Open the index. Make it if it is missing.

        Parameters
        ----------
        path : Path
            The SQLite file. Its folder is made if it is missing.

        Yields
        ------
        InboxIndex
            The index.

        Raises
        ------
        StorageError
            If the file cannot be opened, is damaged, or is of another version.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=30)
        except (OSError, sqlite3.Error) as err:
            raise StorageError(
                f"the inbox index cannot be opened: {err}",
                path=path,
                remedy="choose another RUN_ROOT",
            ) from err
        try:
            with connection:
                found = connection.execute("PRAGMA user_version").fetchone()[0]
                if found not in (0, VERSION):
                    raise StorageError(
                        f"the inbox index has version {found}, this program reads {VERSION}",
                        path=path,
                        remedy=_REMEDY,
                    )
                if not found:
                    connection.executescript(_SCHEMA)
                    connection.execute(f"PRAGMA user_version = {VERSION}")
                add_times(connection)
            yield cls(connection)
        except sqlite3.DatabaseError as err:
            raise StorageError(
                f"the inbox index cannot be read: {err}", path=path, remedy=_REMEDY
            ) from err
        finally:
            connection.close()

    def update_files(self, found: Sequence[FoundFile], now: float) -> None:
        """Update the table of files from a listing of the inbox; see ``FileIndex``.

        An open series whose files are all gone is put on hold.

        Parameters
        ----------
        found : sequence of FoundFile
            Every file in the inbox.
        now : float
            The time, in seconds since 1970.
        """
        super().update_files(found, now)
        with self._db:
            self._db.execute(
                "UPDATE arrivals SET state = 'held', files = 0, sentence = ? WHERE state = "
                "'arriving' AND NOT EXISTS (SELECT 1 FROM files "
                "WHERE series = arrivals.series_instance_uid AND NOT gone)",
                (_GONE,),
            )

    def arrival(self, series: str) -> Arrival | None:
        """Return a series, or None if it never came into the inbox."""
        rows = self._arrivals("WHERE series_instance_uid = ?", series)
        return rows[0] if rows else None

    def arrivals(self, *states: str) -> list[Arrival]:
        """Return the series in the given states, or in all, those with the newest file last."""
        if not states:
            return self._arrivals("")
        return self._arrivals(f"WHERE state IN ({', '.join('?' * len(states))})", *states)

    def _arrivals(self, where: str, *values: str) -> list[Arrival]:
        columns = ", ".join(_ARRIVAL)
        query = f"SELECT {columns} FROM arrivals {where} ORDER BY last_seen, series_instance_uid"  # noqa: S608
        return [Arrival(*row) for row in self._db.execute(query, values)]

    def upsert(
        self, arrivals: Iterable[Arrival], *, judged: bool = False, ended: Iterable[str] = ()
    ) -> None:
        """Store series, in place of their earlier rows.

        Parameters
        ----------
        arrivals : iterable of Arrival
            The series.
        judged : bool
            Whether they were judged: a judged series is not open.
        ended : iterable of str
            Ids of requests of these series whose runs have ended and must not count again.
        """
        ended = list(ended)
        with self._db:
            for arrival in arrivals:
                marks = ", ".join("?" * len(_ARRIVAL))
                self._db.execute(
                    f"INSERT OR REPLACE INTO arrivals ({', '.join(_ARRIVAL)}) VALUES ({marks})",  # noqa: S608
                    [sqlite_text(v) if isinstance(v, str) else v for v in astuple(arrival)],
                )
                if judged:
                    self._db.execute(
                        "DELETE FROM growing WHERE series = ?", (arrival.series_instance_uid,)
                    )
                self._db.executemany(
                    "DELETE FROM offers WHERE series = ? AND token = ?",
                    [(arrival.series_instance_uid, request_id) for request_id in ended],
                )

    def record_requests(self, arrivals: Iterable[Arrival]) -> None:
        """Store series for which a run was requested, and the ids of these requests."""
        arrivals = list(arrivals)
        self.upsert(arrivals)
        with self._db:
            self._db.executemany(
                "INSERT INTO offers VALUES (?, ?, ?)",
                [(a.request_id, a.series_instance_uid, a.version) for a in arrivals],
            )

    def request_ids(self, arrival: Arrival) -> list[str]:
        """Return the ids of all requests for the current version of a series, the latest first."""
        rows = self._db.execute(
            "SELECT token FROM offers WHERE series = ? AND version = ? ORDER BY rowid DESC",
            (arrival.series_instance_uid, arrival.version),
        )
        return [request_id for (request_id,) in rows]

    def judged_series(self) -> list[str]:
        """Return the SeriesInstanceUIDs of all series that were ever judged."""
        rows = self._db.execute("SELECT series_instance_uid FROM arrivals WHERE version != ''")
        return [uid for (uid,) in rows]

    def states(self) -> dict[str, int]:
        """Return the number of series in each state."""
        return dict(self._db.execute("SELECT state, count(*) FROM arrivals GROUP BY state"))

    @property
    def changed(self) -> bool:
        """Whether this connection wrote to the index."""
        return self._db.total_changes > 0

    def get_note(self, name: str) -> str:
        """Return the text stored under a name, empty if there is none."""
        row = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def set_note(self, name: str, value: str) -> None:
        """Store a text under a name."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))
