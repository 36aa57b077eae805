"""Each instance received by C-STORE becomes one whole file of the inbox."""

import errno
import os
import re
import threading
import uuid
from contextlib import suppress
from pathlib import Path

from ich_resources.digests import bytes_sha256
from ich_resources.uids import has_safe_characters, is_uid
from ich_resources.whole_files import write_new

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
CANNOT_UNDERSTAND = 0xC000
"""Status of a C-STORE response (DICOM PS3.4, table B.2-1)."""

_CHUNK = 1 << 20
_META_LENGTH = 12  # the element (0002,0000) itself
_PREAMBLE = 132
_LOCKS = [threading.Lock() for _ in range(64)]


def place(inbox: Path, study: str, series: str, sop: str) -> Path:
    """Return where an instance goes: a folder per study, a folder per series.

    Parameters
    ----------
    inbox : Path
        The folder that takes everything.
    study, series, sop : str
        StudyInstanceUID, SeriesInstanceUID and SOPInstanceUID, as the peer sent them.

    Raises
    ------
    ValueError
        If one of them is not a UID. It would become part of a path.
    """
    for name, value in (("study", study), ("series", series), ("instance", sop)):
        if not is_uid(value):
            raise ValueError(f"the {name} has no valid UID")
    return inbox / study / series / f"{sop}.dcm"


def write_instance(path: Path, meta: bytes, dataset: bytes) -> Path:
    """Keep an instance on disk; an earlier one under its UID stays.

    The file is written under a name that the sensor ignores, and gets its final name once it is on
    disk. Two that arrive at the same time do not mix, since each has a temporary name of its own.
    The same content sent again stays one file. Other content under the same UID is kept beside the
    first, with a part of its digest in the name; the scan then reports both.

    Parameters
    ----------
    path : Path
        From ``place``.
    meta : bytes
        The file up to the data set: preamble, prefix and file meta information.
    dataset : bytes
        The data set as it was sent.

    Returns
    -------
    Path
        The file that has this content.

    Raises
    ------
    OSError
        If the file cannot be written. Every other file is unchanged then.
    """
    temporary = f"{path.name}.{uuid.uuid4().hex}.part"
    with _LOCKS[hash(path) % len(_LOCKS)]:
        for target in (path, _beside(path, dataset)):
            if not os.path.lexists(target):
                with suppress(FileExistsError):
                    write_new(target, (meta, dataset), temporary)
                    return target
            if _has(target, dataset):
                return target
    raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def _beside(path: Path, dataset: bytes) -> Path:
    return path.with_name(f"{path.stem}_{bytes_sha256(dataset)[:16]}{path.suffix}")


def _has(path: Path, dataset: bytes) -> bool:
    """Return whether a file of ours holds this data set, whatever its meta information says."""
    with path.open("rb") as file:
        head = file.read(_PREAMBLE + _META_LENGTH)
        start = len(head) + int.from_bytes(head[-4:], "little")
        if path.stat().st_size != start + len(dataset):
            return False
        file.seek(start)
        rest = memoryview(dataset)
        while rest:
            piece = file.read(min(_CHUNK, len(rest)))
            if not piece or piece != rest[: len(piece)]:
                return False
            rest = rest[len(piece) :]
    return True


def sweep(inbox: Path) -> int:
    """Remove files that a killed receiver left under temporary names; return how many."""
    left = [path for path in inbox.glob("*/*/*.part") if _ours(path.name)]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _ours(name: str) -> bool:
    uid, _, rest = name.rpartition(".dcm.")
    return has_safe_characters(uid) and re.fullmatch(r"[0-9a-f]{32}\.part", rest) is not None
