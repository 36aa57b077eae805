"""An archive's files into their places: all of them as they should be, or none."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from ich_resources.backbones.checkpoint import digest_file, known_digests
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
        Whose.
    parts : sequence of Path
        From ``unpacking.unpack``.
    shown : str
        Where the archive came from, for errors.
    kept : sequence of str
        Names of checkpoints that the archive has too, and that stay as they are.
    """

    backbone: Backbone
    parts: Sequence[Path]
    shown: str
    kept: Sequence[str] = ()


def without_present(model_dir: Path, unpacked: Unpacked) -> Unpacked:
    """Leave out, and remove, files whose place is taken by one that is not damaged."""
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
    """Compare an archive with its digest; one that differs does not stay.

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
    """Give unpacked files their names once all of them are as they should be.

    Parameters
    ----------
    unpacked : Unpacked
        Its files are removed if an error is raised.
    folds : sequence of int
        Folds that must be among them.
    stated : mapping of str to str
        Digests of the release, which may name single files; empty if the source states none, and
        then the digests of the new files are not pinned.
    replace : bool
        Whether digests that are pinned may change.

    Raises
    ------
    FetchError
        If a fold is missing, or a digest is not the one stated or pinned.
    """
    try:
        new = _judge(model_dir, unpacked, folds, stated, replace=replace)
    except BaseException:
        for part in unpacked.parts:
            part.unlink(missing_ok=True)
        raise
    # Digests first: killed between the two, the old files count as damaged, and are fetched.
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
            path=unpacked.shown,
            remedy="set max_folds_per_backbone to the folds it has, or take another source",
        )
    known = known_digests(model_dir)
    for name, digest in digests.items():
        expected = digest_of_fold(stated, backbone, name)
        if expected and expected != digest:
            raise FetchError(
                f"{backbone.folder}/{name}: SHA-256 is {digest[:12]}..., the release states "
                f"{expected[:12]}...; nothing was replaced",
                path=unpacked.shown,
                remedy="tell those who made the release",
            )
        pinned = known.get(f"{backbone.folder}/{name}")
        if pinned and pinned != digest and not replace:
            raise FetchError(
                f"{backbone.folder}/{name}: the archive has {digest[:12]}..., checkpoints.sha256 "
                f"has {pinned[:12]}...; nothing was replaced",
                path=unpacked.shown,
                remedy="if the archive is right, set force: true; else correct repository or tag",
            )
    return {f"{backbone.folder}/{name}": digest for name, digest in digests.items()}
