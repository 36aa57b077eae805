"""What is known of every file of the inbox: a small SQLite file below the run root."""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from ich_resources.arrivals import Arrival
from ich_resources.errors import StorageError
from ich_resources.folders import FoundFile
from ich_resources.inbox.growth import MARKER, TEMPORARY_SUFFIXES, Growth

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
_VERSION = 1
"""Raised with the schema; an index of another version is made anew from the files."""


@dataclass(frozen=True)
class FileFacts:
    """What reading one file has shown.

    Attributes
    ----------
    path : str
        POSIX path relative to the inbox.
    kind : str
        ``slice``, ``stray`` (DICOM of no series) or ``other`` (no DICOM).
    content : object
        JSON values that stand for the file when its series is judged.
    """

    path: str
    kind: str
    study: str = ""
    series: str = ""
    sop: str = ""
    content: Any = None


class InboxIndex:
    """The index of one inbox; every change is in a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

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
        """Compare what lies in the inbox with what is known.

        A file that is new or has another size or time is to be read (again), and its series
        grows; so it does where a file is back that was gone. A file that is gone changes nothing.
        """
        rows = self._db.execute("SELECT path, size, mtime_ns, gone FROM files")
        known = {path: (size, mtime, gone) for path, size, mtime, gone in rows}
        fresh, back = [], []
        # A clock that was set back must not keep a series waiting until it is there again.
        with self._db:
            self._db.execute("UPDATE files SET seen = ?1 WHERE seen > ?1 + 1", (now,))
        for file in found:
            path = os.fsencode(file.path)
            before = known.pop(path, None)
            if before == (file.size, file.mtime_ns, 0):
                continue
            if before == (file.size, file.mtime_ns, 1):
                back.append((now, path))
            else:
                folder, _, name = file.path.rpartition("/")
                fresh.append((path, _text(folder), file.size, file.mtime_ns, now, _kind(name)))
        gone = [(path,) for path, (_, _, already) in known.items() if not already]
        if not (fresh or back or gone):
            return
        with self._db:
            self._db.executemany(
                "INSERT INTO files (path, folder, size, mtime_ns, seen, kind) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET gone = 0, "
                "size = excluded.size, mtime_ns = excluded.mtime_ns, seen = excluded.seen, "
                "kind = excluded.kind",
                fresh,
            )
            self._db.executemany("UPDATE files SET gone = 0, seen = ? WHERE path = ?", back)
            self._db.executemany("UPDATE files SET gone = 1 WHERE path = ?", gone)
            self._db.executemany(
                "INSERT OR IGNORE INTO growing SELECT series FROM files "
                "WHERE path = ? AND series IS NOT NULL",
                [(row[0],) for row in fresh] + [(path,) for _, path in back],
            )

    def unread(self, most: int) -> list[str]:
        """Return the files whose headers have to be read, the oldest first."""
        rows = self._db.execute(
            "SELECT path FROM files WHERE kind = 'unread' AND NOT gone ORDER BY seen, path LIMIT ?",
            (most,),
        )
        return [os.fsdecode(path) for (path,) in rows]

    def store(self, facts: Iterable[FileFacts]) -> None:
        """Keep what reading files has shown; their series grow."""
        with self._db:
            for fact in facts:
                path = os.fsencode(fact.path)
                old = self._db.execute("SELECT series FROM files WHERE path = ?", (path,))
                touched = {fact.series or None, *(series for (series,) in old)} - {None}
                self._db.executemany(
                    "INSERT OR IGNORE INTO growing VALUES (?)", [(uid,) for uid in touched]
                )
                self._db.execute(
                    "UPDATE files SET kind = ?, study = ?, series = ?, sop = ? WHERE path = ?",
                    (fact.kind, fact.study or None, fact.series or None, fact.sop or None, path),
                )
                self._db.execute(
                    "INSERT OR REPLACE INTO contents VALUES (?, ?)",
                    (path, json.dumps(fact.content)),
                )

    def growing(self) -> list[Growth]:
        """Return the series with new or changed files that have not been judged since."""
        rows = self._db.execute(
            "SELECT g.series, max(f.study), count(f.path), max(f.seen), "
            "json_group_array(DISTINCT f.folder) FROM growing g JOIN files f "
            "ON f.series = g.series AND NOT f.gone GROUP BY g.series ORDER BY max(f.seen), g.series"
        )
        return [
            Growth(uid, study, files, seen, frozenset(json.loads(folders)))
            for uid, study, files, seen, folders in rows
        ]

    def unread_folders(self) -> set[str]:
        """Return the folders with files whose headers have not been read yet."""
        rows = self._db.execute(
            "SELECT DISTINCT folder FROM files WHERE kind = 'unread' AND NOT gone"
        )
        return {folder for (folder,) in rows}

    def markers(self) -> dict[str, float]:
        """Return when the marker file of a folder came, by folder."""
        return dict(
            self._db.execute("SELECT folder, seen FROM files WHERE kind = 'marker' AND NOT gone")
        )

    def studies_judged_with(self, study: str) -> list[str]:
        """Return a study, and those that share a series or an instance with it, and so on."""
        found: list[str] = []
        waiting = [study]
        while waiting:
            found.append(waiting.pop())
            rows = self._db.execute(
                "SELECT study FROM files WHERE NOT gone AND series IN "
                "(SELECT series FROM files WHERE study = ?1 AND NOT gone) UNION "
                "SELECT study FROM files WHERE NOT gone AND sop IN "
                "(SELECT sop FROM files WHERE study = ?1 AND NOT gone)",
                (found[-1],),
            )
            waiting += [s for (s,) in rows if s not in found and s not in waiting]
        return sorted(found)

    def contents(self, study: str) -> list[Any]:
        """Return what stands for the slices of a study that lie in the inbox, by path."""
        rows = self._db.execute(
            "SELECT content FROM files JOIN contents USING (path) "
            "WHERE study = ? AND kind = 'slice' AND NOT gone ORDER BY path",
            (study,),
        )
        return [json.loads(content) for (content,) in rows]

    def strays(self) -> list[Any]:
        """Return what stands for the DICOM files that belong to no series."""
        rows = self._db.execute(
            "SELECT content FROM files JOIN contents USING (path) "
            "WHERE kind = 'stray' AND NOT gone ORDER BY path"
        )
        return [json.loads(content) for (content,) in rows]

    def count(self, kind: str = "%") -> int:
        """Return the number of files in the inbox, of one kind or any."""
        query = "SELECT count(*) FROM files WHERE NOT gone AND kind LIKE ?"
        return int(self._db.execute(query, (kind,)).fetchone()[0])

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
                    [_text(v) if isinstance(v, str) else v for v in astuple(arrival)],
                )
                if judged:
                    self._db.execute(
                        "DELETE FROM growing WHERE series = ?", (arrival.series_instance_uid,)
                    )

    def regrow(self, series: Iterable[str] | None = None) -> None:
        """Have series judged anew at the next tick; all of them where none is named."""
        with self._db:
            if series is None:
                self._db.execute(
                    "INSERT OR IGNORE INTO growing SELECT DISTINCT series FROM files "
                    "WHERE series IS NOT NULL AND NOT gone"
                )
            else:
                self._db.executemany(
                    "INSERT OR IGNORE INTO growing VALUES (?)", [(uid,) for uid in series]
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


_REMEDY = "delete this file: the sensor makes it anew, and what is done is not run again"


def _kind(name: str) -> str:
    if name == MARKER:
        return "marker"
    return "temporary" if name.lower().endswith(TEMPORARY_SUFFIXES) else "unread"


def _text(text: str) -> str:
    # SQLite's text is UTF-8; names of files and folders of other bytes are escaped.
    return text.encode(errors="backslashreplace").decode()
