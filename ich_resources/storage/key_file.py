"""The key file: which patient a study is of. The one table with names of patients' records.

A person asks for it and chooses its place, outside of RUN_ROOT. Nothing else holds these values: no
error, log or record quotes a row.
"""

import csv
import io
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ich_resources.errors import DISK, StorageError
from ich_resources.locks import exclusive_lock
from ich_resources.plain_text import cell
from ich_resources.storage.layout import Layout
from ich_resources.storage.own_files import is_inside
from ich_resources.whole_files import remedy_for, write_whole

MODE = 0o600
"""Only its owner may read it, from its creation on."""
_FIELD = "results.key_file"


class KeyRow(NamedTuple):
    """One study, as its files name it; empty where they do not.

    Attributes
    ----------
    StudyInstanceUID, AccessionNumber, PatientID, StudyDate, StudyTime : str
        Named as in DICOM. They are the columns of the table.
    """

    StudyInstanceUID: str
    AccessionNumber: str
    PatientID: str
    StudyDate: str
    StudyTime: str


def require_apart(path: Path, layout: Layout, input_dir: Path | None = None) -> None:
    """Check that a key file lies neither in RUN_ROOT, which is passed on, nor in the input folder.

    Parameters
    ----------
    path : Path
        The key file; it need not exist.
    layout : Layout
        Paths below the run root.
    input_dir : Path, optional
        Folder that is only read.

    Raises
    ------
    StorageError
        If it does, or if it exists and is not a key file.
    """
    inside = "RUN_ROOT" if is_inside(layout, path) else ""
    real = Path(os.path.realpath(path))
    if input_dir is not None and real.is_relative_to(os.path.realpath(input_dir)):
        inside = "the input folder"
    if inside:
        raise StorageError(
            f"{_FIELD} lies inside {inside}",
            path=path,
            remedy="choose a place that only those may read who may know the patients",
        )
    _rows(path)


def has_study(path: Path, study: str) -> bool:
    """Return whether a study has a row.

    Parameters
    ----------
    path : Path
        The key file; it need not exist.
    study : str
        StudyInstanceUID.

    Raises
    ------
    StorageError
        If the file is not a key file, or cannot be read.
    """
    return any(row.StudyInstanceUID == cell(study) for row in _rows(path))


def add_row(path: Path, row: KeyRow) -> None:
    """Add a study to the key file; a row that differs from the others of its study is one more.

    Other processes may write at the same time. No row is ever changed or removed.

    Parameters
    ----------
    path : Path
        The key file. It is made with mode 0600 if it does not exist.
    row : KeyRow
        The study.

    Raises
    ------
    StorageError
        If the file is not a key file, or cannot be read or written.
    """
    path = Path(os.path.realpath(path))  # a link stays a link
    own = KeyRow(*map(cell, row))
    try:
        with exclusive_lock(path.with_name(f".{path.name}.lock")):
            rows = _rows(path)
            if own not in rows:
                # One name, not one per process: the file of a killed process is written over.
                temporary = f".{path.name}.part"
                path.with_name(temporary).unlink(missing_ok=True)
                content = _table((*rows, own))
                write_whole(path, content, temporary, durable=True, mode=MODE)
    except OSError as err:
        raise StorageError(
            f"the key file cannot be written: {err.strerror}",
            path=path,
            remedy=remedy_for(err, _FIELD),
            code=DISK,
        ) from err


def _table(rows: tuple[KeyRow, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((KeyRow._fields, *rows))
    return text.getvalue().encode()


def _rows(path: Path) -> tuple[KeyRow, ...]:
    """Return the rows of a key file; none where there is no file.

    Raises
    ------
    StorageError
        If it is another file, or cannot be read.
    """
    try:
        status = path.stat()
        return _read(path, status.st_ino, status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        return ()
    except OSError as err:
        raise StorageError(
            f"the key file cannot be read: {err.strerror}",
            path=path,
            remedy=remedy_for(err, _FIELD),
        ) from err
    except (ValueError, csv.Error):
        raise StorageError(
            "the file is not a key file of ich, and it is left as it is",
            path=path,
            remedy=f"choose another name in {_FIELD}",
        ) from None


@lru_cache(maxsize=1)
def _read(path: Path, inode: int, mtime_ns: int, size: int) -> tuple[KeyRow, ...]:
    """Read a state of the file once: each series of a batch asks.

    Raises
    ------
    ValueError
        If it is another file.
    """
    if not size:
        return ()  # somebody made it to give it its owner
    head, *rows = csv.reader(io.StringIO(path.read_bytes().decode(), newline=""))
    if tuple(head) != KeyRow._fields or any(len(row) != len(head) for row in rows):
        raise ValueError("not the columns of a key file")
    return tuple(KeyRow(*row) for row in rows)
