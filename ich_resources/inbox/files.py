"""The files of the inbox as the index knows them: what is new, what has grown, what is gone."""

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ich_resources.folders import FoundFile
from ich_resources.inbox.growth import MARKER, TEMPORARY_SUFFIXES, Growth


@dataclass(frozen=True)
class FileFacts:
    """What reading one file has shown.

    Attributes
    ----------
    path : str
        POSIX path relative to the inbox.
    kind : str
        ``slice``, ``stray`` (DICOM of no series) or ``other`` (no DICOM).
    study, series, sop : str
        StudyInstanceUID, SeriesInstanceUID and SOPInstanceUID; empty where it is no slice.
    content : object
        JSON values that stand for the file when its series is judged.
    """

    path: str
    kind: str
    study: str = ""
    series: str = ""
    sop: str = ""
    content: Any = None


class FileIndex:
    """The tables ``files``, ``contents`` and ``growing`` of an inbox index."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

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
                fresh.append((path, text_of(folder), file.size, file.mtime_ns, now, _kind(name)))
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


def _kind(name: str) -> str:
    if name == MARKER:
        return "marker"
    return "temporary" if name.lower().endswith(TEMPORARY_SUFFIXES) else "unread"


def text_of(text: str) -> str:
    """Return a text that SQLite can hold."""
    # SQLite's text is UTF-8; names of files and folders of other bytes are escaped.
    return text.encode(errors="backslashreplace").decode()
