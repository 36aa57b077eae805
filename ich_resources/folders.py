"""What lies below a folder: every file with its size and time, and what cannot be opened."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FoundFile:
    """One file of any kind.

    Attributes
    ----------
    path : str
        POSIX path relative to the folder.
    size : int
        Bytes; 0 where it cannot be told.
    mtime_ns : int
        Time of the last change, in ns since 1970; 0 where it cannot be told.
    """

    path: str
    size: int
    mtime_ns: int


def files_below(folder: Path) -> tuple[list[FoundFile], list[tuple[str, str]]]:
    """Return the files at any depth, links followed, and the folders that cannot be opened.

    Returns
    -------
    files : list of FoundFile
        Sorted by path; a folder reached by two links is entered once.
    closed : list of (str, str)
        Path of a folder relative to ``folder``, and why it cannot be opened.
    """
    files: list[FoundFile] = []
    closed: list[tuple[str, str]] = []
    visited: set[tuple[int, int]] = set()
    waiting = [""]
    while waiting:  # no recursion: folders may nest deeper than Python's stack
        prefix = waiting.pop()
        try:
            folders = _list(f"{folder}/{prefix}", prefix, visited, files)
        except OSError as err:
            closed.append((prefix.rstrip("/") or ".", err.strerror or str(err)))
            continue
        # Which of two links is followed must not depend on the disk.
        waiting += [f"{prefix}{name}/" for name in sorted(folders, reverse=True)]
    return sorted(files, key=lambda file: file.path), sorted(closed)


def _list(
    folder: str, prefix: str, visited: set[tuple[int, int]], files: list[FoundFile]
) -> list[str]:
    """Add the files of one folder; return the names of the folders in it."""
    status = os.stat(folder)  # noqa: PTH116 (100,000 files: Path objects cost a second)
    if (status.st_dev, status.st_ino) in visited:
        return []  # a link in a circle, or to a folder seen before
    visited.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as listing:
        entries = list(listing)
    folders = []
    for entry in entries:
        try:
            if entry.is_dir():
                folders.append(entry.name)
                continue
            status = entry.stat()
            # A time beyond the year 2262 is nobody's, and too large for a database.
            time = min(status.st_mtime_ns, 2**63 - 1)
            files.append(FoundFile(prefix + entry.name, status.st_size, time))
        except OSError:
            # A dangling link, or gone since: whoever opens it will say so.
            files.append(FoundFile(prefix + entry.name, 0, 0))
    return folders
