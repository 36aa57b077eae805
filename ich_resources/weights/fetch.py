"""The released checkpoints into the model folder: only what is missing, only what is right."""

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
"""Below the model folder: what is on its way."""


@dataclass(frozen=True)
class Wanted:
    """The checkpoints to fetch.

    Attributes
    ----------
    model_dir : Path
        The folder that holds, or will hold, ``2DNet``.
    backbones : sequence of Backbone
        Whose checkpoints.
    folds : sequence of int
        Folds that must be there; others of an archive are taken along.
    release : str
        ``repository@tag``, to tell releases apart.
    page : str
        Where people find the release.
    force : bool
        Fetch what is there and right, and replace digests that are pinned.
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

    An archive is compared with the digest that the release states before it is opened. The digests
    of what was in it are pinned in ``checkpoints.sha256``. Nothing is asked of the source if all is
    there. What one archive has brought stays if the next one fails. A source that states no digests
    is never another release: of its archives only files that are missing or damaged are taken.

    Parameters
    ----------
    say, warn : callable
        Take lines for people.
    interval : float
        Seconds between two lines on a transfer.

    Returns
    -------
    dict of str to str
        By backbone: ``fetched``, ``kept``, or ``unknown`` (kept, and no digest is pinned).

    Raises
    ------
    FetchError
        If the source cannot be reached or refuses, a digest differs, an archive is damaged or
        malicious, or the disk is full.
    CheckpointError
        If what is there cannot be read.
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
    """How to tell of transfers."""

    say: Callable[[str], None]
    interval: float = INTERVAL_S

    def progress(self, name: str) -> Progress:
        """Return the progress of one file."""
        return Progress(name, self.say, self.interval)


def _raise_with_advice(err: FetchError, wanted: Wanted, backbones: Sequence[Backbone]) -> NoReturn:
    """Raise the error; if the source cannot be reached, say how to place the files by hand.

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
    reporter.say(f"Fetching {wanted.release} from {source.shown}")
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
                require_digest(file, part, name, expected, source.shown)
            # The same open file: what was digested is what is unpacked.
            parts = unpack(file, name, backbone, wanted.model_dir / backbone.folder)
        unpacked = Unpacked(backbone, parts, source.shown)
        if not stated and not wanted.force:
            unpacked = without_present(wanted.model_dir, unpacked)
        other_release = bool(stated) and bool(release) and release != wanted.release
        replace = wanted.force or other_release
        install(wanted.model_dir, unpacked, wanted.folds, stated, replace=replace)
        # A source without digests gave files that equal the pinned ones: those of that release.
        if stated or state_of(wanted.model_dir, backbone, wanted.folds) != "right":
            remember_origin(wanted.model_dir, backbone, wanted.release, expected)
        discard(part)
        checked = "SHA-256 as stated" if stated else "no SHA-256 was stated"
        reporter.say(f"{backbone.name}: {len(unpacked.parts)} files from {name}, {checked}")
