"""Fetch the side files of the reference's training: fold lists, tables, samples of features."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

from ich_resources.errors import FetchError
from ich_resources.weights.archive import CHUNK, Member, Members, open_archive
from ich_resources.weights.disk import only_fetch, require_room, writing
from ich_resources.weights.fetch import WORK_FOLDER
from ich_resources.weights.limits import Limits, require_size
from ich_resources.weights.progress import INTERVAL_S, Progress, megabytes
from ich_resources.weights.release import SIDE_FILES
from ich_resources.weights.sources import Source
from ich_resources.weights.transfer import discard

_SETTING = "TRAIN_ROOT"
_MOST_MEMBERS = 100_000


def fetch_side_files(
    folder: Path,
    names: Sequence[str],
    source: Source,
    say: Callable[[str], None],
    interval: float = INTERVAL_S,
) -> dict[str, str]:
    """Fetch side files into a folder, each into a folder of its own name.

    A folder that exists is left as it is. No digest of these files was published,
    so none is compared.

    Parameters
    ----------
    folder : Path
        Takes the folders ``data``, ``csv`` and ``features``.
    names : sequence of str
        Keys of ``release.SIDE_FILES``.
    source : Source
        The source of the archives.
    say : callable
        Called with one line of text for the user.
    interval : float
        Seconds between two lines about a transfer.

    Returns
    -------
    dict of str to str
        By name: ``fetched`` or ``kept``.

    Raises
    ------
    FetchError
        If the source cannot be reached or refuses, an archive is damaged or malicious, or the disk
        is full. Files that were fetched before stay.
    """
    done = {name: "kept" if (folder / name).exists() else "fetched" for name in names}
    for name in (name for name, outcome in done.items() if outcome == "kept"):
        say(f"{name}: {folder / name} is there, and is left alone")
    todo = [name for name, outcome in done.items() if outcome == "fetched"]
    if todo:
        work = folder / WORK_FOLDER
        with writing(work, _SETTING):
            work.mkdir(parents=True, exist_ok=True)
        with only_fetch(work):
            for name in todo:
                _fetch_one(folder, name, source, say, interval)
    return done


def _fetch_one(
    folder: Path, name: str, source: Source, say: Callable[[str], None], interval: float
) -> None:
    """Fetch and unpack one side file.

    Raises
    ------
    FetchError
        If that fails; its remedy says how to place the file by hand.
    """
    archive = SIDE_FILES[name].archive
    part = folder / WORK_FOLDER / f"{archive}.part"
    say(f"Fetching {archive} from {source.display_name}")
    try:
        source.download(archive, part, "", Progress(archive, say, interval))
        with (
            writing(part, _SETTING),
            part.open("rb") as file,
            open_archive(file, archive) as opened,
        ):
            count = _unpack(opened, archive, folder / WORK_FOLDER / name)
    except FetchError as err:
        shutil.rmtree(folder / WORK_FOLDER / name, ignore_errors=True)
        if isinstance(err.__cause__, OSError):
            raise  # the disk is at fault, and its remedy is enough
        remedy = f"{err.remedy}; by hand, unpack {archive} into {folder / name} (docs/training.md)"
        raise FetchError(err.message, path=err.path, remedy=remedy, code=err.code) from err
    with writing(folder / name, _SETTING):
        (folder / WORK_FOLDER / name).rename(folder / name)
    discard(part)
    say(f"{name}: {count} files from {archive}; no SHA-256 was stated")


def _unpack(members: Members, archive: str, folder: Path) -> int:
    """Write every file of an archive below a folder that is made anew; return how many.

    All members are checked before the first is written.

    Raises
    ------
    FetchError
        If a member leads out of the folder, is not a plain file or stands twice, or there is no
        room for all of them.
    """
    chosen = _without_top(_choose(members, archive), folder.name)
    size = sum(member.size for member in chosen.values())
    require_size(size, Limits().most_bytes, f"its files have {megabytes(size)}", archive)
    with writing(folder, _SETTING):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    require_room(folder, size, f"unpacking {archive}")
    for path, member in chosen.items():
        target = folder / path
        with writing(target, _SETTING):
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(members, member, target, archive)
    return len(chosen)


def _choose(members: Iterable[Member], archive: str) -> dict[PurePosixPath, Member]:
    chosen: dict[PurePosixPath, Member] = {}
    for count, member in enumerate(members, 1):
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
            raise _refused(archive, member, "leads out of the folder")
        if member.kind not in ("file", "folder"):
            raise _refused(archive, member, f"is {member.kind}")
        if count > _MOST_MEMBERS:
            raise _refused(archive, member, f"is one of more than {_MOST_MEMBERS} members")
        if member.kind == "folder":
            continue
        if not path.parts or path in chosen:
            raise _refused(archive, member, "has no name, or occurs twice")
        chosen[path] = member
    if not chosen:
        raise FetchError("the archive is empty", path=archive, remedy="fetch it again")
    return chosen


def _without_top(chosen: dict[PurePosixPath, Member], top: str) -> dict[PurePosixPath, Member]:
    """Leave out the first folder of the paths, if all of them begin with the folder's own name."""
    if all(len(path.parts) > 1 and path.parts[0] == top for path in chosen):
        return {PurePosixPath(*path.parts[1:]): member for path, member in chosen.items()}
    return chosen


def _refused(archive: str, member: Member, why: str) -> FetchError:
    return FetchError(
        f"the archive is refused, nothing of it was written: {member.name[:200]!r} in it {why}",
        path=archive,
        remedy="do not use this archive",
    )


def _write(members: Members, member: Member, target: Path, archive: str) -> None:
    """Write one file.

    Raises
    ------
    FetchError
        If the archive holds more or fewer bytes of it than it says.
    """
    left = member.size
    with target.open("xb") as file, members.open(member) as source:
        while left >= 0 and (chunk := source.read(CHUNK)):
            left -= len(chunk)
            file.write(chunk)
    if left:
        raise FetchError(
            f"the archive is damaged: {member.name[:200]!r} does not have the size that it states",
            path=archive,
            remedy="fetch it again",
        )
