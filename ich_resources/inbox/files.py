"""The files of the inbox as the index knows them: new, changed and deleted ones."""

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ich_resources.folders import FoundFile
from ich_resources.inbox.changes import KnownFile, compare, kind_of
from ich_resources.inbox.growth import OpenSeries


@dataclass(frozen=True)
class FileFacts:
    """The result of reading one file.

    Attributes
    ----------
    path : str
        POSIX path relative to the inbox.
    kind : str
        ``slice``, ``stray`` (a DICOM file in no series) or ``other`` (not a DICOM file).
    study, series, sop : str
        StudyInstanceUID, SeriesInstanceUID and SOPInstanceUID; empty if it is not a slice.
    content : object
        The file's header as JSON values; its series is judged from them.
    """

    path: str
    kind: str
    study: str = ""
    series: str = ""
    sop: str = ""
    content: Any = None


class FileIndex:
    """The tables ``files``, ``contents`` and ``growing`` of an inbox index.

    The table ``growing`` lists the open series: those with new or changed files that have not
    been judged since.

    Parameters
    ----------
    connection : sqlite3.Connection
        Connection to the index.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def update_files(self, found: Sequence[FoundFile], now: float) -> None:
        """Update the table of files from a listing of the inbox.

        A file that is new, or has another size or time, is marked as unread and opens its series.
        A file that was gone and is back opens its series. A file that is gone opens nothing.

        Parameters
        ----------
        found : sequence of FoundFile
            Every file in the inbox.
        now : float
            The time, in seconds since 1970.
        """
        rows = self._db.execute("SELECT path, size, mtime_ns, gone FROM files")
        changes = compare({path: KnownFile(*values) for path, *values in rows}, found)
        # If the clock was set back, a time in the future would keep its series open until then.
        with self._db:
            self._db.execute("UPDATE files SET seen = ?1 WHERE seen > ?1 + 1", (now,))
        if not any(changes):
            return
        to_read = [self._row(file, now) for file in changes.to_read]
        with self._db:
            self._db.executemany(
                "INSERT INTO files (path, folder, size, mtime_ns, seen, kind) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET gone = 0, "
                "size = excluded.size, mtime_ns = excluded.mtime_ns, seen = excluded.seen, "
                "kind = excluded.kind",
                to_read,
            )
            self._db.executemany(
                "UPDATE files SET gone = 0, seen = ? WHERE path = ?",
                [(now, path) for path in changes.back],
            )
            self._db.executemany(
                "UPDATE files SET gone = 1 WHERE path = ?", [(path,) for path in changes.gone]
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO growing SELECT series FROM files "
                "WHERE path = ? AND series IS NOT NULL",
                [(path,) for path in (*(row[0] for row in to_read), *changes.back)],
            )

    @staticmethod
    def _row(file: FoundFile, now: float) -> tuple[bytes, str, int, int, float, str]:
        folder, _, name = file.path.rpartition("/")
        path = os.fsencode(file.path)
        return path, sqlite_text(folder), file.size, file.mtime_ns, now, kind_of(name)

    def unread(self, limit: int) -> list[str]:
        """Return the paths of the unread files, at most ``limit``, the oldest first."""
        rows = self._db.execute(
            "SELECT path FROM files WHERE kind = 'unread' AND NOT gone ORDER BY seen, path LIMIT ?",
            (limit,),
        )
        return [os.fsdecode(path) for (path,) in rows]

    def store(self, facts: Iterable[FileFacts]) -> None:
        """Store the results of reading files, and open their series."""
        with self._db:
            for fact in facts:
                path = os.fsencode(fact.path)
                earlier = self._db.execute("SELECT series FROM files WHERE path = ?", (path,))
                touched = {fact.series or None, *(series for (series,) in earlier)} - {None}
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

    def open_series(self) -> list[OpenSeries]:
        """Return the open series, those with the oldest last file first."""
        rows = self._db.execute(
            "SELECT g.series, max(f.study), count(f.path), max(f.seen), "
            "json_group_array(DISTINCT f.folder) FROM growing g JOIN files f "
            "ON f.series = g.series AND NOT f.gone GROUP BY g.series ORDER BY max(f.seen), g.series"
        )
        return [
            OpenSeries(uid, study, files, seen, frozenset(json.loads(folders)))
            for uid, study, files, seen, folders in rows
        ]

    def unread_folders(self) -> set[str]:
        """Return the folders with unread files, relative to the inbox."""
        rows = self._db.execute(
            "SELECT DISTINCT folder FROM files WHERE kind = 'unread' AND NOT gone"
        )
        return {folder for (folder,) in rows}

    def markers(self) -> dict[str, float]:
        """Return when the marker file of each folder came, in seconds since 1970, by folder."""
        return dict(
            self._db.execute("SELECT folder, seen FROM files WHERE kind = 'marker' AND NOT gone")
        )

    def studies_judged_with(self, study: str) -> list[str]:
        """Return the studies to judge together with a study, itself included.

        These share a SeriesInstanceUID, a SOPInstanceUID or the name of a slice image (``1.2`` and
        ``ID_1.2``; see ``uids.slice_stem``) with it, or with another of them.
        """
        found: list[str] = []
        waiting = [study]
        while waiting:
            found.append(waiting.pop())
            rows = self._db.execute(
                "SELECT study FROM files WHERE NOT gone AND series IN "
                "(SELECT series FROM files WHERE study = ?1 AND NOT gone) UNION "
                "SELECT study FROM files WHERE NOT gone AND sop IN "
                "(SELECT sop FROM files WHERE study = ?1 AND NOT gone UNION ALL "
                "SELECT 'ID_' || sop FROM files WHERE study = ?1 AND NOT gone UNION ALL "
                "SELECT substr(sop, 4) FROM files WHERE study = ?1 AND NOT gone "
                "AND substr(sop, 1, 3) = 'ID_')",
                (found[-1],),
            )
            waiting += [s for (s,) in rows if s not in found and s not in waiting]
        return sorted(found)

    def contents(self, study: str) -> list[Any]:
        """Return the JSON values of the slices of a study in the inbox, sorted by path."""
        rows = self._db.execute(
            "SELECT content FROM files JOIN contents USING (path) "
            "WHERE study = ? AND kind = 'slice' AND NOT gone ORDER BY path",
            (study,),
        )
        return [json.loads(content) for (content,) in rows]

    def rule_values(self, series: str) -> dict[str, list[str]]:
        """Return what the rules of priority look at: folders, and header values of one slice.

        Parameters
        ----------
        series : str
            SeriesInstanceUID. Its files may be gone.
        """
        rows = self._db.execute("SELECT DISTINCT folder FROM files WHERE series = ?", (series,))
        values = {"folder": sorted(folder for (folder,) in rows)}
        row = self._db.execute(
            "SELECT content FROM files JOIN contents USING (path) "
            "WHERE series = ? AND kind = 'slice' ORDER BY path LIMIT 1",
            (series,),
        ).fetchone()
        header = (json.loads(row[0]).get("header") if row else None) or {}
        # An earlier version did not read the sender.
        for field in ("sender", "study_description", "body_part"):
            values[field] = [header[field]] if header.get(field) else []
        return values

    def unassigned(self) -> list[Any]:
        """Return the JSON values of the DICOM files in no series, sorted by path."""
        rows = self._db.execute(
            "SELECT content FROM files JOIN contents USING (path) "
            "WHERE kind = 'stray' AND NOT gone ORDER BY path"
        )
        return [json.loads(content) for (content,) in rows]

    def count(self, kind: str = "%") -> int:
        """Return the number of files in the inbox, of one kind or of all kinds."""
        query = "SELECT count(*) FROM files WHERE NOT gone AND kind LIKE ?"
        return int(self._db.execute(query, (kind,)).fetchone()[0])

    def reopen(self, series: Iterable[str] | None = None) -> None:
        """Open series again, so that the next tick judges them.

        Parameters
        ----------
        series : iterable of str, optional
            SeriesInstanceUIDs; by default every series in the inbox.
        """
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


def sqlite_text(text: str) -> str:
    """Return a text with everything escaped that is not UTF-8: SQLite cannot store it."""
    return text.encode(errors="backslashreplace").decode()
