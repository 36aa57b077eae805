"""The files that the model folder has already, and their origin."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from ich_resources.backbones.checkpoint_digests import DIGESTS_FILE, digest_file, known_digests
from ich_resources.backbones.table import Backbone, checkpoint_name
from ich_resources.weights.disk import read_json, write_text, writing

FETCHED_FILE = "fetched.json"
"""Below the model folder: the release and the archive of each backbone that was fetched."""

State = Literal["right", "unknown", "damaged", "missing"]


def state_of(model_dir: Path, backbone: Backbone, folds: Sequence[int]) -> State:
    """Compare the files of a backbone with ``checkpoints.sha256``.

    Parameters
    ----------
    model_dir : Path
        The folder that holds ``2DNet``.
    backbone : Backbone
        Whose files.
    folds : sequence of int
        0 to 4.

    Returns
    -------
    {"right", "unknown", "damaged", "missing"}
        The worst state among the folds. Unknown: the file is there, and no digest is pinned.

    Raises
    ------
    CheckpointError
        If a file or the digests cannot be read.
    """
    known = known_digests(model_dir)
    paths = [model_dir / backbone.folder / checkpoint_name(fold) for fold in folds]
    if not all(path.is_file() for path in paths):
        return "missing"
    pinned = {path: known.get(path.relative_to(model_dir).as_posix()) for path in paths}
    if any(digest and digest_file(path) != digest for path, digest in pinned.items()):
        return "damaged"
    return "right" if all(pinned.values()) else "unknown"


def origin_of(model_dir: Path, backbone: Backbone) -> tuple[str, str]:
    """Return the release and the digest of the archive that was unpacked; empty where not known."""
    entry = read_json(model_dir / FETCHED_FILE).get(backbone.name)
    entry = entry if isinstance(entry, dict) else {}
    return str(entry.get("release", "")), str(entry.get("archive_sha256", ""))


def remember_origin(model_dir: Path, backbone: Backbone, release: str, archive_sha256: str) -> None:
    """Record the release and the archive of the files of a backbone.

    Parameters
    ----------
    model_dir : Path
        The folder that holds ``2DNet``.
    backbone : Backbone
        Whose files.
    release : str
        ``repository@tag``, or ``drive.RELEASE``.
    archive_sha256 : str
        Digest of the archive that was unpacked.
    """
    path = model_dir / FETCHED_FILE
    entries = read_json(path)
    entries[backbone.name] = {"release": release, "archive_sha256": archive_sha256}
    write_text(path, json.dumps(entries, indent=2) + "\n")


def pin(model_dir: Path, digests: Mapping[str, str], dropped: Iterable[str] = ()) -> None:
    """Write digests into ``checkpoints.sha256``, by path relative to the model folder.

    Parameters
    ----------
    model_dir : Path
        The folder that holds ``2DNet``.
    digests : mapping of str to str
        They replace the earlier digests of the same files.
    dropped : iterable of str
        Files whose digests are removed.
    """
    known = known_digests(model_dir)
    wanted = {name: digest for name, digest in known.items() if name not in set(dropped)}
    wanted |= digests
    if wanted != known:
        lines = [f"{digest}  {name}\n" for name, digest in sorted(wanted.items())]
        write_text(model_dir / DIGESTS_FILE, "".join(lines))


def move_in(parts: Iterable[Path]) -> None:
    """Rename unpacked files to their final names, one after the other."""
    for part in parts:
        with writing(part):
            part.replace(part.with_name(part.name.removeprefix(".part-")))
