"""Unpack checkpoints from an archive. The archive does not decide where a file is written."""

from pathlib import Path, PurePosixPath
from typing import IO

from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone, checkpoint_name
from ich_resources.errors import FetchError
from ich_resources.weights.archive import CHUNK, Member, Members, open_archive
from ich_resources.weights.disk import require_room, writing
from ich_resources.weights.limits import Limits, require_size
from ich_resources.weights.progress import megabytes

_NAMES = frozenset(checkpoint_name(fold) for fold in range(FOLDS))
_MOST_MEMBERS = 1000


def unpack(archive: IO[bytes], display_name: str, backbone: Backbone, folder: Path) -> list[Path]:
    """Write the checkpoints of one backbone under temporary names.

    All members are checked first. If one member is bad, nothing is written. Then each checkpoint
    is written to a path that this function makes. It uses only the name and the bytes of a member.

    Parameters
    ----------
    archive : binary file
        A tar, compressed or not, or a zip.
    display_name : str
        Name of the archive, for errors.
    backbone : Backbone
        The backbone of the checkpoints. Their file names identify them. They may lie in any
        folder except that of another backbone.
    folder : Path
        Folder for the files ``.part-model_epoch_best_0.pth`` and so on; created if missing.

    Returns
    -------
    list of Path
        The written files, in the order of the folds.

    Raises
    ------
    FetchError
        If the file is not an archive or is damaged, or the disk is full. If a member leads out of
        the folder, is a link, a device or a pipe, or occurs twice. If no member is a checkpoint.
    """
    with open_archive(archive, display_name) as members:
        chosen = _choose(members, display_name, backbone)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        size = sum(member.size for member in chosen.values())
        require_size(
            size, Limits().most_bytes, f"the checkpoints have {megabytes(size)}", display_name
        )
        require_room(folder, size, f"unpacking {display_name}")
        written: list[Path] = []
        try:
            for name in sorted(chosen):
                path = folder / f".part-{name}"
                written.append(path)
                _write(members, chosen[name], path, display_name)
        except BaseException:
            for path in written:
                path.unlink(missing_ok=True)
            raise
    return written


def _choose(members: Members, display_name: str, backbone: Backbone) -> dict[str, Member]:
    folders = {PurePosixPath(other.folder).name for other in BACKBONES.values()}
    others = folders - {PurePosixPath(backbone.folder).name}
    chosen: dict[str, Member] = {}
    for count, member in enumerate(members, 1):
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
            raise _refused(display_name, member, "leads out of the folder")
        if member.kind not in ("file", "folder"):
            raise _refused(display_name, member, f"is {member.kind}")
        if count > _MOST_MEMBERS:
            raise _refused(display_name, member, f"is one of more than {_MOST_MEMBERS} members")
        if member.kind == "folder" or path.name not in _NAMES:
            continue
        if others & set(path.parts):
            raise _refused(display_name, member, f"is not of {backbone.name}")
        if path.name in chosen:
            raise _refused(display_name, member, "occurs twice")
        chosen[path.name] = member
    if not chosen:
        raise FetchError(
            f"the archive holds no {checkpoint_name(0)} of {backbone.name}",
            path=display_name,
            remedy="check that it is the archive of this backbone",
        )
    return chosen


def _refused(display_name: str, member: Member, why: str) -> FetchError:
    return FetchError(
        f"the archive is refused, nothing of it was written: {member.name[:200]!r} in it {why}",
        path=display_name,
        remedy="do not use this archive; tell those who offer it",
    )


def _write(members: Members, member: Member, path: Path, display_name: str) -> None:
    left = member.size
    with writing(path):
        path.unlink(missing_ok=True)
        target = path.open("xb")  # fails if somebody made a link of that name meanwhile
    with target, members.open(member) as source:
        while left >= 0 and (chunk := source.read(CHUNK)):
            left -= len(chunk)
            with writing(path):
                target.write(chunk)
        with writing(path):
            target.flush()
    if left:
        raise FetchError(
            f"the archive is damaged: {member.name[:200]!r} does not have the size that it states",
            path=display_name,
            remedy="fetch it again",
        )
