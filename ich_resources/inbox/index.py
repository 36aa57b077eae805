"""What is known of every file of the inbox: a small SQLite file below the run root."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path

from ich_resources.arrivals import Arrival
from ich_resources.errors import StorageError
from ich_resources.folders import FoundFile
from ich_resources.inbox.files import FileIndex, text_of

_ARRIVAL = [field.name for field in fields(Arrival)]
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
_REMEDY = "delete this file: the sensor makes it anew, and what is done is not run again"
_GONE = (
    "its files went from the inbox before the series was complete: put them back to have them "
    "scored"
)
_VERSION = 1
"""Raised with the schema; an index of another version is an error that says what to do."""


class InboxIndex(FileIndex):
    """The index of one inbox; every change is in a transaction."""

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["InboxIndex"]:
        """Open the index, made if missing.

        Raises
        ------
        StorageError
            If it cannot be opened, or is damaged.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=30)
        except (OSError, sqlite3.Error) as err:
            raise StorageError(
                f"cannot be opened: {err}", path=path, remedy="choose another RUN_ROOT"
            ) from err
        try:
            with connection:
                found = connection.execute("PRAGMA user_version").fetchone()[0]
                if found not in (0, _VERSION):
                    raise StorageError(f"an index of version {found}", path=path, remedy=_REMEDY)
                if not found:
                    connection.executescript(_SCHEMA)
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
            yield cls(connection)
        except sqlite3.DatabaseError as err:
            raise StorageError(f"the inbox index: {err}", path=path, remedy=_REMEDY) from err
        finally:
            connection.close()

    def note(self, found: Sequence[FoundFile], now: float) -> None:
        """Compare what lies in the inbox with what is known; see ``FileIndex.note``.

        A series whose files are all gone before it was complete grows no more: it is held.
        """
        super().note(found, now)
        with self._db:
            self._db.execute(
                "UPDATE arrivals SET state = 'held', files = 0, sentence = ? WHERE state = "
                "'arriving' AND NOT EXISTS (SELECT 1 FROM files "
                "WHERE series = arrivals.series_instance_uid AND NOT gone)",
                (_GONE,),
            )

    def arrival(self, series: str) -> Arrival | None:
        """Return what is known of a series, None for one never heard of."""
        rows = self._arrivals("WHERE series_instance_uid = ?", series)
        return rows[0] if rows else None

    def arrivals(self, *states: str) -> list[Arrival]:
        """Return the series in some states, or all, the latest last."""
        if not states:
            return self._arrivals("")
        return self._arrivals(f"WHERE state IN ({', '.join('?' * len(states))})", *states)

    def _arrivals(self, where: str, *values: str) -> list[Arrival]:
        columns = ", ".join(_ARRIVAL)
        query = f"SELECT {columns} FROM arrivals {where} ORDER BY last_seen, series_instance_uid"  # noqa: S608
        return [Arrival(*row) for row in self._db.execute(query, values)]

    def put(self, arrivals: Iterable[Arrival], *, judged: bool = False) -> None:
        """Keep what is known of series; one that was judged grows no more."""
        with self._db:
            for arrival in arrivals:
                marks = ", ".join("?" * len(_ARRIVAL))
                self._db.execute(
                    f"INSERT OR REPLACE INTO arrivals ({', '.join(_ARRIVAL)}) VALUES ({marks})",  # noqa: S608
                    [text_of(v) if isinstance(v, str) else v for v in astuple(arrival)],
                )
                if judged:
                    self._db.execute(
                        "DELETE FROM growing WHERE series = ?", (arrival.series_instance_uid,)
                    )

    def offer(self, arrivals: Iterable[Arrival]) -> None:
        """Keep that runs were requested, under the tokens of the series."""
        arrivals = list(arrivals)
        self.put(arrivals)
        with self._db:
            self._db.executemany(
                "INSERT INTO offers VALUES (?, ?, ?)",
                [(a.token, a.series_instance_uid, a.version) for a in arrivals],
            )

    def tokens(self, arrival: Arrival) -> list[str]:
        """Return the tokens of every request for the present version of a series, latest first."""
        rows = self._db.execute(
            "SELECT token FROM offers WHERE series = ? AND version = ? ORDER BY rowid DESC",
            (arrival.series_instance_uid, arrival.version),
        )
        return [token for (token,) in rows]

    def judged_series(self) -> list[str]:
        """Return every series that was ever judged."""
        rows = self._db.execute("SELECT series_instance_uid FROM arrivals WHERE version != ''")
        return [uid for (uid,) in rows]

    def states(self) -> dict[str, int]:
        """Return how many series there are in each state."""
        return dict(self._db.execute("SELECT state, count(*) FROM arrivals GROUP BY state"))

    @property
    def changed(self) -> bool:
        """Whether anything was written since it was opened."""
        return self._db.total_changes > 0

    def noted(self, name: str) -> str:
        """Return a text kept under a name, empty where there is none."""
        row = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def keep(self, name: str, value: str) -> None:
        """Keep a text under a name."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))
