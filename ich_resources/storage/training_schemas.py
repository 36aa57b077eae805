"""What the record of each step of a training holds; see ``schemas``.

Checkpoints and features are large, so their bytes are not read at every look: the code that
reads them compares their digest. ``feeds_tables`` says so.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from ich_resources.backbones.table import BACKBONES, Backbone
from ich_resources.steps import FOLD_LIST, OOF_PREDICTIONS, TEST_PREDICTIONS, TRAINED_FOLD
from ich_resources.storage.content import Content, Text
from ich_resources.storage.layout import Layout
from ich_resources.storage.training_layout import FoldFiles, TrainingLayout
from ich_resources.subjects import Subject

Kind = Literal["oof", "test"]
"""Slices that a fold has held out, or those of the test set."""
SETS: Mapping[Kind, str] = {"oof": "val", "test": "test"}
"""What the reference's file names say for them."""


def backbone_of(subject: Subject) -> tuple[Backbone, int]:
    """Return the backbone and the fold that a subject is about.

    Raises
    ------
    ValueError
        If it is about something else.
    """
    by_asset = {backbone.asset: backbone for backbone in BACKBONES.values()}
    if len(subject.parts) != 2 or subject.parts[0] not in by_asset:
        raise ValueError(f"not one fold of a backbone: {subject}")
    return by_asset[subject.parts[0]], int(subject.parts[1])


def fold_table_start(kind: Kind, fold: int) -> str:
    """Return how the names of the tables of one fold begin (SingleModelOutput)."""
    return f"fold_{fold}_{SETS[kind]}_aug_"


def merged_table_start(kind: Kind) -> str:
    """Return how the names of the tables of all folds begin (SingleModelOutput)."""
    return f"{SETS[kind]}_aug_"


class TrainedFoldContent(Content):
    """The record of ``trained_fold``.

    Attributes
    ----------
    backbone, fold
        What was trained.
    folds : str
        Data version of the list of folds.
    checkpoint : str
        SHA-256 of the checkpoint file.
    recipe : str
        Fingerprint of the recipe.
    init, initial : str
        Where the first weights came from: imagenet, released, random; and the SHA-256 of that file,
        empty for random ones.
    epochs, best_epoch : int
        Epochs trained, and the one (from 0) whose weights are kept.
    weighted_log_loss, prior : float
        Of the held-out slices: with the kept weights, and with constant probabilities.
    slices, held_out : int
        Slices trained on, and slices of the fold itself.
    device, precision : str
        What made the weights.
    resumed : int
        Epochs that an earlier run had finished.
    accept_leak : bool
        Whether the first weights may have seen the held-out studies.
    """

    feeds_tables: ClassVar[bool] = False

    backbone: Text
    fold: int
    folds: Text
    checkpoint: Text
    recipe: Text
    init: Text
    initial: Text
    epochs: int
    best_epoch: int
    weighted_log_loss: float
    prior: float
    slices: int
    held_out: int
    device: Text
    precision: Text
    resumed: int = 0
    accept_leak: bool = False

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        return (TrainingLayout(layout.run_root).checkpoint(*backbone_of(subject)).parent,)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        ours = TrainingLayout(layout.run_root)
        return path in (ours.checkpoint(*backbone_of(subject)), ours.log(subject))

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        return [TrainingLayout(layout.run_root).checkpoint(*backbone_of(subject))]

    @property
    def made_untrained(self) -> bool:
        """A trained network is trained."""
        return False

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.folds == versions[FOLD_LIST]


class FoldPredictionsContent(Content):
    """The record of ``oof_predictions`` and of ``test_predictions``.

    Attributes
    ----------
    backbone, fold
        What predicted.
    checkpoint : str
        SHA-256 of the checkpoint file.
    images : str
        Digest of the slices: names, order, bytes.
    slices : int
        Rows of the arrays.
    width : int
        Length of a feature.
    views : str
        The views whose mean is kept.
    device, precision : str
        What made the numbers.
    accept_leak : bool
        Whether the first weights may have seen the held-out studies.
    """

    feeds_tables: ClassVar[bool] = False
    kind: ClassVar[Kind]

    backbone: Text
    fold: int
    checkpoint: Text
    images: Text
    slices: int
    width: int
    views: Text
    device: Text
    precision: Text
    accept_leak: bool = False

    @classmethod
    def files(cls, layout: Layout, subject: Subject) -> FoldFiles:
        """Return the files of the step."""
        ours, (backbone, fold) = TrainingLayout(layout.run_root), backbone_of(subject)
        return ours.oof(backbone, fold) if cls.kind == "oof" else ours.test(backbone, fold)

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        ours, (backbone, _) = TrainingLayout(layout.run_root), backbone_of(subject)
        return cls.files(layout, subject).order.parent, ours.single_model_output(backbone)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        ours, (backbone, fold) = TrainingLayout(layout.run_root), backbone_of(subject)
        table = path.parent == ours.single_model_output(backbone) and path.suffix == ".csv"
        named = path.name.startswith(fold_table_start(cls.kind, fold))
        return path in cls.files(layout, subject).all or (table and named)

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        return list(self.files(layout, subject).all)

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.checkpoint == versions[TRAINED_FOLD]


class OofContent(FoldPredictionsContent):
    """The record of ``oof_predictions``."""

    kind: ClassVar[Kind] = "oof"


class TestContent(FoldPredictionsContent):
    """The record of ``test_predictions``."""

    kind: ClassVar[Kind] = "test"


TRAINING_SCHEMAS: Mapping[str, type[Content]] = {
    TRAINED_FOLD: TrainedFoldContent,
    OOF_PREDICTIONS: OofContent,
    TEST_PREDICTIONS: TestContent,
}
"""The schema of each step of a training, by ``Step.code``."""
