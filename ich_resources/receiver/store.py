"""One instance received by C-STORE to one whole file of the inbox."""

import os
import re
import uuid
from pathlib import Path

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
CANNOT_UNDERSTAND = 0xC000
"""Status of a C-STORE response (DICOM PS3.4, table B.2-1)."""

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


def place(inbox: Path, study: str, series: str, sop: str) -> Path:
    """Return where an instance goes: a folder per study, a folder per series.

    Raises
    ------
    ValueError
        If one of the UIDs is none: it would become part of a path.
    """
    for name, value in (("study", study), ("series", series), ("instance", sop)):
        if len(value) > 64 or not _UID.fullmatch(value):
            raise ValueError(f"the {name} has no valid UID")
    return inbox / study / series / f"{sop}.dcm"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a name that the sensor leaves alone, and rename it once it is on disk.

    An instance that is sent again takes the place of the first; two that arrive at once do not
    mix, since each has a temporary name of its own.

    Raises
    ------
    OSError
        If the file cannot be written; the final name is then untouched.
    """
    new = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        # A name is on disk when its folder is.
        for folder in (path.parent, *(made.parent for made in new)):
            _sync(folder)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(inbox: Path) -> int:
    """Remove what a receiver that was killed left under temporary names; return how many."""
    left = [path for path in inbox.glob("*/*/*.part") if _ours(path.name)]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _ours(name: str) -> bool:
    return re.fullmatch(r"[0-9.]+\.dcm\.[0-9a-f]{32}\.part", name) is not None
