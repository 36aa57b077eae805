"""Checkpoint files and their digests; importable without torch."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ich_resources.backbones.table import FOLDS, Backbone, checkpoint_name
from ich_resources.digests import file_sha256
from ich_resources.errors import CheckpointError

DIGESTS_FILE = "checkpoints.sha256"
"""Below the model folder, optional: expected digests in the format of ``sha256sum``."""

_REMEDY = (
    "run the job fetch_checkpoints, or put the released checkpoints there (models/README.md says "
    "which and where from)"
)
_DIGESTS: dict[tuple[str, int, int, int], str] = {}


@dataclass(frozen=True)
class CheckpointFile:
    """One fold of one backbone on disk.

    Attributes
    ----------
    backbone : str
        Name of the backbone.
    path : Path
        The file.
    digest : str
        SHA-256 of its bytes, hexadecimal.
    expected : bool
        Whether a digests file names this digest; False where none speaks of the file.
    """

    backbone: str
    path: Path
    digest: str
    expected: bool


def find_checkpoints(
    model_dir: Path, backbone: Backbone, max_folds: int | None
) -> list[CheckpointFile]:
    """Find and digest the folds of a backbone.

    Parameters
    ----------
    model_dir : Path
        The folder that holds ``2DNet``.
    backbone : Backbone
        Whose folds.
    max_folds : int or None
        Only the first so many; None for all five.

    Returns
    -------
    list of CheckpointFile
        In the order of the folds.

    Raises
    ------
    CheckpointError
        If one of them is missing or unreadable, or its digest is not the expected one. Never
        answers with fewer folds than asked for.
    """
    return _find(model_dir, backbone, range(FOLDS)[:max_folds])


def find_checkpoint(model_dir: Path, backbone: Backbone, fold: int) -> CheckpointFile:
    """Find and digest one fold of a backbone; other folds may be missing.

    Raises
    ------
    CheckpointError
        As ``find_checkpoints``.
    """
    (file,) = _find(model_dir, backbone, [fold])
    return file


def _find(model_dir: Path, backbone: Backbone, folds: Sequence[int]) -> list[CheckpointFile]:
    folder = model_dir / backbone.folder
    wanted = [folder / checkpoint_name(fold) for fold in folds]
    missing = [path.name for path in wanted if not path.is_file()]
    if missing:
        remedy = _REMEDY
        if wanted[0].name not in missing:
            remedy += ", or set max_folds_per_backbone to the folds that are there"
        raise CheckpointError(
            f"{backbone.name}: checkpoint missing: {', '.join(missing)}",
            path=folder,
            remedy=remedy,
        )
    known = known_digests(model_dir)
    found = []
    for path in wanted:
        name = path.relative_to(model_dir).as_posix()
        digest = digest_file(path)
        if name in known and known[name] != digest:
            raise CheckpointError(
                f"{backbone.name}: SHA-256 is {digest[:12]}..., {DIGESTS_FILE} says "
                f"{known[name][:12]}...",
                path=path,
                remedy="fetch the file again: it is damaged or another one",
            )
        found.append(CheckpointFile(backbone.name, path, digest, name in known))
    return found


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file, remembered in this process while its size and times stay.

    Raises
    ------
    CheckpointError
        If the file cannot be read.
    """
    try:
        status = path.stat()
        # A copy may keep its modification time, but it gets a new time of change (ctime) here.
        times = status.st_mtime_ns, status.st_ctime_ns
        key = (os.fspath(path), status.st_size, *times)
        if key not in _DIGESTS:
            _DIGESTS[key] = file_sha256(path)
    except OSError as err:
        raise CheckpointError(
            f"the checkpoint cannot be read: {err.strerror}", path=path, remedy=_REMEDY
        ) from err
    return _DIGESTS[key]


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
