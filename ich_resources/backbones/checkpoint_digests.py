"""Digests of checkpoint files, as they are and as expected; importable without torch."""

import os
from pathlib import Path

from ich_resources.digests import file_sha256
from ich_resources.errors import CheckpointError

DIGESTS_FILE = "checkpoints.sha256"
"""Below the model folder, optional: expected digests in the format of ``sha256sum``."""
REMEDY = (
    "run the job fetch_checkpoints, or put the released checkpoints there (models/README.md says "
    "which and where from)"
)
FileVersion = tuple[str, int, int, int]
_DIGESTS: dict[FileVersion, str] = {}


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file, remembered in this process while its size and times stay.

    Raises
    ------
    CheckpointError
        If the file cannot be read.
    """
    try:
        key = file_version(path)
        if key not in _DIGESTS:
            _DIGESTS[key] = file_sha256(path)
    except OSError as err:
        raise CheckpointError(
            f"the checkpoint cannot be read: {err.strerror}", path=path, remedy=REMEDY
        ) from err
    return _DIGESTS[key]


def file_version(path: Path) -> FileVersion:
    """Return path, size and times of a file: while they stay, its bytes do.

    Raises
    ------
    OSError
        If the file is not there.
    """
    status = path.stat()
    # A copy may keep its modification time, but it gets a new time of change (ctime) here.
    return os.fspath(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns


def known_digests(model_dir: Path) -> dict[str, str]:
    """Return the expected digests by path relative to the model folder; none without the file.

    Raises
    ------
    CheckpointError
        If ``checkpoints.sha256`` is there and cannot be read.
    """
    path = model_dir / DIGESTS_FILE
    if not path.is_file():
        return {}
    try:
        return parse_digests(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise CheckpointError(
            f"the digests cannot be read: {err}",
            path=path,
            remedy="write the file with sha256sum, or take it away",
        ) from err


def parse_digests(text: str) -> dict[str, str]:
    """Return the digests in a text that ``sha256sum`` wrote, by file name, in lower case."""
    known = {}
    for line in text.splitlines():
        digest, _, name = line.strip().partition(" ")
        if name:
            known[name.strip().removeprefix("*").removeprefix("./")] = digest.lower()
    return known
