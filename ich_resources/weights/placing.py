"""Install the files of an archive if all of them are right, else none."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from ich_resources.backbones.checkpoint_digests import digest_file, known_digests
from ich_resources.backbones.table import Backbone, checkpoint_name
from ich_resources.digests import stream_sha256
from ich_resources.errors import FetchError
from ich_resources.weights.disk import writing
from ich_resources.weights.installed import move_in, pin
from ich_resources.weights.progress import megabytes
from ich_resources.weights.release import digest_of_fold
from ich_resources.weights.transfer import discard


@dataclass(frozen=True)
class Unpacked:
    """The files of one backbone under temporary names.

    Attributes
    ----------
    backbone : Backbone
        The backbone of the files.
    parts : sequence of Path
        The files, from ``unpacking.unpack``.
    display_name : str
        Name of the source, for errors.
    kept : sequence of str
        Names of existing checkpoints that are also in the archive and stay as they are.
    """

    backbone: Backbone
    parts: Sequence[Path]
    display_name: str
    kept: Sequence[str] = ()


def without_present(model_dir: Path, unpacked: Unpacked) -> Unpacked:
    """Delete the unpacked files for which an undamaged file exists, and keep that file."""
    folder, known = unpacked.backbone.folder, known_digests(model_dir)
    parts, kept = [], []
    for part in unpacked.parts:
        name = part.name.removeprefix(".part-")
        present = model_dir / folder / name
        pinned = known.get(f"{folder}/{name}")
        if present.is_file() and (not pinned or digest_file(present) == pinned):
            with writing(part):
                part.unlink()
            kept.append(name)
        else:
            parts.append(part)
    return dataclasses.replace(unpacked, parts=parts, kept=kept)


def require_digest(file: BufferedReader, part: Path, name: str, expected: str, where: str) -> None:
    """Compare an archive with its digest. If it differs, delete the archive.

    Parameters
    ----------
    file : BufferedReader
        The open archive, read to its end. The caller unpacks this same file.
    part : Path
        The path of the archive; it is deleted where the digest differs.
    name : str
        Name of the archive, for the error.
    expected : str
        SHA-256 that the release states, hexadecimal.
    where : str
        Name of the source, for the error.

    Raises
    ------
    FetchError
        If it differs.
    """
    digest = stream_sha256(file)
    if digest == expected:
        return
    size = megabytes(part.stat().st_size)
    discard(part)
    raise FetchError(
        f"{name}: SHA-256 is {digest[:12]}..., the release states {expected[:12]}...; "
        f"nothing was unpacked, and the {size} were deleted",
        path=where,
        remedy="run the job again; if the digest still differs, this address has another file: "
        "take another source",
    )


def install(
    model_dir: Path,
    unpacked: Unpacked,
    folds: Sequence[int],
    stated: Mapping[str, str],
    *,
    replace: bool,
) -> None:
    """Rename unpacked files to their final names if all of them are right.

    Parameters
    ----------
    model_dir : Path
        The folder that holds ``2DNet``, and the pinned digests.
    unpacked : Unpacked
        The unpacked files. After an error they are deleted.
    folds : sequence of int
        Folds that are needed.
    stated : mapping of str to str
        Digests of the release. They may name single files. If the source states no digests, this
        is empty, and the digests of the new files are not pinned.
    replace : bool
        Whether pinned digests may change.

    Raises
    ------
    FetchError
        If a fold is missing, or a digest differs from the stated or the pinned one.
    """
    try:
        new = _judge(model_dir, unpacked, folds, stated, replace=replace)
    except BaseException:
        for part in unpacked.parts:
            part.unlink(missing_ok=True)
        raise
    # Digests come first: after a kill between the two steps the old files count as damaged, and
    # the next run fetches them.
    if stated:
        pin(model_dir, new)
    else:
        known = known_digests(model_dir)
        pin(model_dir, {}, dropped=[name for name in new if known.get(name) != new[name]])
    move_in(unpacked.parts)


def _judge(
    model_dir: Path,
    unpacked: Unpacked,
    folds: Sequence[int],
    stated: Mapping[str, str],
    *,
    replace: bool,
) -> dict[str, str]:
    backbone = unpacked.backbone
    digests = {part.name.removeprefix(".part-"): digest_file(part) for part in unpacked.parts}
    there = {*digests, *unpacked.kept}
    missing = [checkpoint_name(fold) for fold in folds if checkpoint_name(fold) not in there]
    if missing:
        raise FetchError(
            f"{backbone.name}: the archive lacks {', '.join(missing)}; nothing was replaced",
            path=unpacked.display_name,
            remedy="set max_folds_per_backbone to the folds it has, or take another source",
        )
    known = known_digests(model_dir)
    for name, digest in digests.items():
        expected = digest_of_fold(stated, backbone, name)
        if expected and expected != digest:
            raise FetchError(
                f"{backbone.folder}/{name}: SHA-256 is {digest[:12]}..., the release states "
                f"{expected[:12]}...; nothing was replaced",
                path=unpacked.display_name,
                remedy="tell those who made the release",
            )
        pinned = known.get(f"{backbone.folder}/{name}")
        if pinned and pinned != digest and not replace:
            raise FetchError(
                f"{backbone.folder}/{name}: the archive has {digest[:12]}..., checkpoints.sha256 "
                f"has {pinned[:12]}...; nothing was replaced",
                path=unpacked.display_name,
                remedy="if the archive is right, set force: true; else correct repository or tag",
            )
    return {f"{backbone.folder}/{name}": digest for name, digest in digests.items()}
