"""Fetch the released checkpoints into the model folder: missing and damaged files only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ich_resources.backbones.table import Backbone
from ich_resources.errors import FetchError
from ich_resources.weights.disk import only_fetch, writing
from ich_resources.weights.installed import origin_of, remember_origin, state_of
from ich_resources.weights.placing import Unpacked, install, require_digest, without_present
from ich_resources.weights.progress import INTERVAL_S, Progress
from ich_resources.weights.release import ARCHIVES, UNREACHABLE, place_by_hand
from ich_resources.weights.sources import Source
from ich_resources.weights.transfer import discard
from ich_resources.weights.unpacking import unpack

WORK_FOLDER = ".fetch"
"""Folder below the model folder, for archives that are being downloaded."""


@dataclass(frozen=True)
class Wanted:
    """The checkpoints to fetch.

    Attributes
    ----------
    model_dir : Path
        The folder that holds, or will hold, ``2DNet``.
    backbones : sequence of Backbone
        The backbones of the checkpoints.
    folds : sequence of int
        Folds that are needed. Further folds of an archive are installed too.
    release : str
        ``repository@tag``; it distinguishes releases.
    page : str
        Address of the web page of the release.
    force : bool
        Fetch files again that are complete, and replace pinned digests.
    """

    model_dir: Path
    backbones: Sequence[Backbone]
    folds: Sequence[int]
    release: str
    page: str
    force: bool = False


def fetch(
    wanted: Wanted,
    source: Source,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    interval: float = INTERVAL_S,
) -> dict[str, str]:
    """Fetch the checkpoints of a release into the model folder.

    An archive is opened only if its digest is the one that the release states. The digests of its
    files are then pinned in ``checkpoints.sha256``. If no file is missing, the source gets no
    request. If an archive fails, the files of earlier archives stay. If a source states no
    digests, its archives replace only files that are missing or damaged.

    Parameters
    ----------
    wanted : Wanted
        The checkpoints to fetch.
    source : Source
        The source of the archives.
    say, warn : callable
        Called with one line of text for the user.
    interval : float
        Seconds between two lines about a transfer.

    Returns
    -------
    dict of str to str
        By backbone: ``fetched``, ``kept``, or ``unknown`` (kept, but no digest is pinned).

    Raises
    ------
    FetchError
        If the source cannot be reached or refuses, a digest differs, an archive is damaged or
        malicious, or the disk is full.
    CheckpointError
        If an existing file cannot be read.
    """
    done: dict[str, str] = {}
    for backbone in wanted.backbones:
        done[backbone.name] = (
            _outcome_without_fetching(wanted, backbone, source, say, warn) or "fetched"
        )
    todo = [backbone for backbone in wanted.backbones if done[backbone.name] == "fetched"]
    if todo:
        with only_fetch(wanted.model_dir / WORK_FOLDER):
            try:
                _fetch_all(wanted, todo, source, Reporter(say, interval), done)
            except FetchError as err:
                _raise_with_advice(err, wanted, todo)
    return done


@dataclass(frozen=True)
class Reporter:
    """Reports transfers to the user."""

    say: Callable[[str], None]
    interval: float = INTERVAL_S

    def progress(self, name: str) -> Progress:
        """Return the progress of one file."""
        return Progress(name, self.say, self.interval)


def _raise_with_advice(err: FetchError, wanted: Wanted, backbones: Sequence[Backbone]) -> NoReturn:
    """Raise the error. If the source cannot be reached, add how to place the files by hand.

    Raises
    ------
    FetchError
        Always.
    """
    if err.code != UNREACHABLE:
        raise err
    advice = place_by_hand(wanted.model_dir, backbones, wanted.page)
    remedy = f"check network and proxy (HTTPS_PROXY), and run the job again; {advice}"
    raise FetchError(err.message, path=err.path, remedy=remedy, code=err.code) from err


def _outcome_without_fetching(
    wanted: Wanted,
    backbone: Backbone,
    source: Source,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> str:
    state = state_of(wanted.model_dir, backbone, wanted.folds)
    if wanted.force or state in ("missing", "damaged"):
        if state == "damaged":
            warn(f"{backbone.name}: a file differs from checkpoints.sha256; it is fetched again")
        return ""
    release, _ = origin_of(wanted.model_dir, backbone)
    if release and release != wanted.release and source.states_digests:
        say(f"{backbone.name}: there from {release}; {wanted.release} is asked for")
        return ""
    if state == "unknown":
        warn(
            f"{backbone.name}: its files are there and left alone, though checkpoints.sha256 does "
            "not name all of them; force: true would replace them"
        )
        return "unknown"
    say(f"{backbone.name}: there, as in checkpoints.sha256")
    return "kept"


def _fetch_all(
    wanted: Wanted,
    backbones: Sequence[Backbone],
    source: Source,
    reporter: Reporter,
    done: dict[str, str],
) -> None:
    reporter.say(f"Fetching {wanted.release} from {source.display_name}")
    stated = source.digests(backbones)
    for backbone in backbones:
        name = ARCHIVES[backbone.name]
        expected = stated.get(name, "")
        release, archive = origin_of(wanted.model_dir, backbone)
        state = state_of(wanted.model_dir, backbone, wanted.folds)
        if not wanted.force and state in ("right", "unknown") and expected and archive == expected:
            reporter.say(f"{backbone.name}: the same archive in both releases")
            remember_origin(wanted.model_dir, backbone, wanted.release, archive)
            done[backbone.name] = "kept"
            continue
        part = wanted.model_dir / WORK_FOLDER / f"{name}.part"
        source.download(name, part, expected, reporter.progress(name))
        with writing(part), part.open("rb") as file:
            if stated:
                require_digest(file, part, name, expected, source.display_name)
            # The same open file is digested and unpacked, so nobody can exchange it in between.
            parts = unpack(file, name, backbone, wanted.model_dir / backbone.folder)
        unpacked = Unpacked(backbone, parts, source.display_name)
        if not stated and not wanted.force:
            unpacked = without_present(wanted.model_dir, unpacked)
        other_release = bool(stated) and bool(release) and release != wanted.release
        replace = wanted.force or other_release
        install(wanted.model_dir, unpacked, wanted.folds, stated, replace=replace)
        # If a source without digests gave the pinned files, the recorded release stays right.
        if stated or state_of(wanted.model_dir, backbone, wanted.folds) != "right":
            remember_origin(wanted.model_dir, backbone, wanted.release, expected)
        discard(part)
        checked = "SHA-256 as stated" if stated else "no SHA-256 was stated"
        reporter.say(f"{backbone.name}: {len(unpacked.parts)} files from {name}, {checked}")
