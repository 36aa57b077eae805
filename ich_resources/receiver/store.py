"""Each instance received by C-STORE becomes one whole file of the inbox."""

import re
import uuid
from pathlib import Path

from ich_resources.uids import is_uid
from ich_resources.whole_files import write_whole

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
CANNOT_UNDERSTAND = 0xC000
"""Status of a C-STORE response (DICOM PS3.4, table B.2-1)."""


def place(inbox: Path, study: str, series: str, sop: str) -> Path:
    """Return where an instance goes: a folder per study, a folder per series.

    Raises
    ------
    ValueError
        If one of them is not a UID. It would become part of a path.
    """
    for name, value in (("study", study), ("series", series), ("instance", sop)):
        if not is_uid(value):
            raise ValueError(f"the {name} has no valid UID")
    return inbox / study / series / f"{sop}.dcm"


def write_instance(path: Path, content: bytes) -> None:
    """Write a file under a name that the sensor ignores, and rename it once it is on disk.

    An instance that is sent again replaces the first. Two that arrive at the same time do not mix,
    since each has a temporary name of its own.

    Raises
    ------
    OSError
        If the file cannot be written. The file under the final name is unchanged then.
    """
    name = f"{path.name}.{uuid.uuid4().hex}.part"
    write_whole(path, content, name, durable=True, durable_name=True)


def sweep(inbox: Path) -> int:
    """Remove files that a killed receiver left under temporary names; return how many."""
    left = [path for path in inbox.glob("*/*/*.part") if _ours(path.name)]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _ours(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*\.dcm\.[0-9a-f]{32}\.part", name) is not None
