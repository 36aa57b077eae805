"""Check that every checkpoint file exists, has the pinned digest and loads. Needs no internet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ich_resources.backbones.checkpoint import find_checkpoint
from ich_resources.backbones.checkpoint_digests import digest_file
from ich_resources.backbones.loading import try_fold
from ich_resources.backbones.table import Backbone, checkpoint_name
from ich_resources.errors import CheckpointError, FormatError
from ich_resources.worth import TrainedOn

_REMARKS: dict[TrainedOn, str] = {
    "nothing": "untrained stand-in",
    "phantoms": "trained on phantoms",
    "patients": "",
}


@dataclass(frozen=True)
class FileReport:
    """The result of the check of one checkpoint file.

    Attributes
    ----------
    path : str
        Relative to the model folder.
    state : {"good", "missing", "broken"}
        Good: it exists, its digest does not differ from a pinned one, and it loads strictly.
    digest : str
        SHA-256; empty if the file is missing or unreadable.
    known : bool
        Whether ``checkpoints.sha256`` names this digest.
    remark : str
        The fault and what to do, or a note that the weights are not for people.
    """

    path: str
    state: str
    digest: str
    known: bool
    remark: str


def verify(
    model_dir: Path, backbones: Sequence[Backbone], folds: Sequence[int]
) -> Iterator[FileReport]:
    """Check every fold of every backbone, one after the other.

    Parameters
    ----------
    model_dir : Path
        The folder that holds ``2DNet``.
    backbones : sequence of Backbone
        Those that are checked.
    folds : sequence of int
        0 to 4.

    Yields
    ------
    FileReport
        One per file, as soon as it is checked.
    """
    for backbone in backbones:
        for fold in folds:
            yield _look(model_dir, backbone, fold)


def _look(model_dir: Path, backbone: Backbone, fold: int) -> FileReport:
    path = model_dir / backbone.folder / checkpoint_name(fold)
    name = path.relative_to(model_dir).as_posix()
    if not path.is_file():
        return FileReport(name, "missing", "", known=False, remark="no such file")
    digest, known = "", False
    try:
        digest = digest_file(path)
        file = find_checkpoint(model_dir, backbone, fold)
        known = file.expected
        trained_on = try_fold(file)
    except (CheckpointError, FormatError) as err:
        return FileReport(name, "broken", digest, known, f"{err.message} -> {err.remedy}")
    return FileReport(name, "good", digest, known, _REMARKS[trained_on])
