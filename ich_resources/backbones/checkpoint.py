"""Checkpoint files and their digests; importable without torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ich_resources.backbones.checkpoint_digests import (
    DIGESTS_FILE,
    REMEDY,
    FileVersion,
    digest_file,
    file_version,
    known_digests,
)
from ich_resources.backbones.recipe_in_file import Trained
from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone, checkpoint_name
from ich_resources.backbones.trained_file import read_trained
from ich_resources.errors import CheckpointError

_TRAINED: dict[FileVersion, Trained | None] = {}
_ALIKE = ("input_size", "slice_context", "trained_on", "recipe_digest", "labels")
"""What all folds of a backbone have in common."""


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
    trained : Trained or None
        What it says about itself; None for a released checkpoint.
    """

    backbone: str
    path: Path
    digest: str
    expected: bool
    trained: Trained | None = None

    @property
    def input_size(self) -> int:
        """Edge S of the network input in pixels: the file's own, else that of the backbone."""
        if self.trained is not None:
            return self.trained.input_size
        return BACKBONES[self.backbone].input_size


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
        If one of them is missing or unreadable, its digest is not the expected one, it is of
        another backbone or fold, or the folds were not trained alike. Never answers with fewer
        folds than asked for.
    """
    files = _find(model_dir, backbone, range(FOLDS)[:max_folds])
    _require_alike(files)
    return files


def find_checkpoint(model_dir: Path, backbone: Backbone, fold: int) -> CheckpointFile:
    """Find and digest one fold of a backbone; other folds may be missing.

    Parameters
    ----------
    model_dir : Path
        The folder that holds ``2DNet``.
    backbone : Backbone
        The network.
    fold : int
        0 to 4.

    Raises
    ------
    CheckpointError
        As ``find_checkpoints``.
    """
    (file,) = _find(model_dir, backbone, [fold])
    return file


def require_present(model_dir: Path, backbone: Backbone, folds: Sequence[int]) -> list[Path]:
    """Check that some folds of a backbone are there, without a look into them.

    Parameters
    ----------
    model_dir : Path
        The folder that holds ``2DNet``.
    backbone : Backbone
        The network.
    folds : sequence of int
        0 to 4, at least one.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    CheckpointError
        If one of them is missing.
    """
    folder = model_dir / backbone.folder
    wanted = [folder / checkpoint_name(fold) for fold in folds]
    missing = [path.name for path in wanted if not path.is_file()]
    if missing:
        remedy = REMEDY
        if wanted[0].name not in missing:
            remedy += ", or set max_folds_per_backbone to the folds that are there"
        raise CheckpointError(
            f"{backbone.name}: checkpoint missing: {', '.join(missing)}",
            path=folder,
            remedy=remedy,
        )
    return wanted


def _find(model_dir: Path, backbone: Backbone, folds: Sequence[int]) -> list[CheckpointFile]:
    wanted = require_present(model_dir, backbone, folds)
    known = known_digests(model_dir)
    found = []
    for fold, path in zip(folds, wanted, strict=True):
        name = path.relative_to(model_dir).as_posix()
        digest = digest_file(path)
        if name in known and known[name] != digest:
            raise CheckpointError(
                f"{backbone.name}: SHA-256 is {digest[:12]}..., {DIGESTS_FILE} says "
                f"{known[name][:12]}...",
                path=path,
                remedy="fetch the file again: it is damaged or another one",
            )
        trained = _trained(path)
        _require_own(trained, backbone, fold, path)
        found.append(CheckpointFile(backbone.name, path, digest, name in known, trained))
    return found


def _trained(path: Path) -> Trained | None:
    version = file_version(path)
    if version not in _TRAINED:
        _TRAINED[version] = read_trained(path)
    return _TRAINED[version]


def _require_own(trained: Trained | None, backbone: Backbone, fold: int, path: Path) -> None:
    """Check that a checkpoint is of the backbone and fold that its name says.

    Raises
    ------
    CheckpointError
        If it is not.
    """
    if trained is None:
        return
    if (trained.backbone, trained.fold) != (backbone.name, fold):
        raise CheckpointError(
            f"the checkpoint says that it is fold {trained.fold} of {trained.backbone}, and lies "
            f"where fold {fold} of {backbone.name} belongs",
            path=path,
            remedy="put it in the folder of its own backbone, under the name of its own fold",
        )


def _require_alike(files: Sequence[CheckpointFile]) -> None:
    """Check that the folds of a backbone come from one training.

    Raises
    ------
    CheckpointError
        If they do not; it names a file of each.
    """
    first = files[0]
    for file in files[1:]:
        said = [(f.path.name, f.trained) for f in (first, file)]
        for what in _ALIKE:
            one, other = (None if t is None else getattr(t, what) for _, t in said)
            if one != other:
                raise CheckpointError(
                    f"{first.backbone}: {said[0][0]} and {said[1][0]} were not trained alike "
                    f"({what.removesuffix('_digest')}: {_brief(one)} and {_brief(other)})",
                    path=first.path.parent,
                    remedy="use the folds of one training, or set max_folds_per_backbone",
                )


def _brief(value: object) -> str:
    return "not said" if value is None else str(value)[:12]
