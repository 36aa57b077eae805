"""What the record of each step of the sequence models holds; see ``schemas``."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ich_resources.steps import OOF_TABLE, SEQUENCE_OOF, TRAINED_SEQUENCE
from ich_resources.storage.content import Content, Rows, Text
from ich_resources.storage.layout import Layout
from ich_resources.storage.training_layout import TrainingLayout
from ich_resources.subjects import Subject, training_subject

SEQUENCE = "sequence"
"""Names the subjects of the sequence models, in place of a backbone."""


def sequence_subject(fold: int) -> Subject:
    """Return one fold of the sequence models as a subject."""
    return training_subject(SEQUENCE, str(fold))


def fold_of(subject: Subject) -> int:
    """Return the fold that a subject is about.

    Raises
    ------
    ValueError
        If it is not a fold of the sequence models.
    """
    if len(subject.parts) != 2 or subject.parts[0] != SEQUENCE:
        raise ValueError(f"not one fold of the sequence models: {subject}")
    return int(subject.parts[1])


class TrainedSequenceContent(Content):
    """The record of ``trained_sequence``.

    Attributes
    ----------
    fold : int
        The fold that was held out.
    oof_table : str
        Data version of the predictions that it was trained on.
    checkpoint : str
        SHA-256 of the checkpoint file.
    backbones : tuple of str
        Names of the base networks, in order.
    recipe : str
        Fingerprint of the settings.
    epochs, best_epoch : int
        Epochs trained, and the one (from 0) whose weights are kept.
    head1, head2, prior : float
        Weighted log loss of the held-out series: of both heads, forward, and of constants.
    series, held_out : int
        Series trained on, and held out.
    without_labels : int
        Series without any label; they are neither.
    device : str
        What made the weights.
    resumed : int
        Epochs that an earlier run had finished.
    accept_leak : bool
        Whether the 2D networks may have seen the slices that they scored for it.
    """

    feeds_tables: ClassVar[bool] = False

    fold: int
    oof_table: Text
    checkpoint: Text
    backbones: Rows[Text]
    recipe: Text
    epochs: int
    best_epoch: int
    head1: float
    head2: float
    prior: float
    series: int
    held_out: int
    without_labels: int
    device: Text
    resumed: int = 0
    accept_leak: bool = False

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        return (TrainingLayout(layout.run_root).sequence_checkpoint(fold_of(subject)).parent,)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        ours = TrainingLayout(layout.run_root)
        return path in (ours.sequence_checkpoint(fold_of(subject)), ours.log(subject))

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        return [TrainingLayout(layout.run_root).sequence_checkpoint(fold_of(subject))]

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.oof_table == versions[OOF_TABLE]


class SequenceOofContent(Content):
    """The record of ``sequence_oof``.

    Attributes
    ----------
    fold : int
        The fold that was held out.
    checkpoint : str
        SHA-256 of the checkpoint file.
    slices, series : int
        Rows of the array, and series they belong to.
    weighted_log_loss, prior : float or None
        Forward and reversed, and of constants; None without a label.
    device : str
        What made the numbers.
    accept_leak : bool
        As in ``TrainedSequenceContent``.
    """

    feeds_tables: ClassVar[bool] = False

    fold: int
    checkpoint: Text
    slices: int
    series: int
    weighted_log_loss: float | None
    prior: float | None
    device: Text
    accept_leak: bool = False

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        return (TrainingLayout(layout.run_root).sequence_oof(fold_of(subject))[0].parent,)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        return path in TrainingLayout(layout.run_root).sequence_oof(fold_of(subject))

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        return list(TrainingLayout(layout.run_root).sequence_oof(fold_of(subject)))

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.checkpoint == versions[TRAINED_SEQUENCE]


SEQUENCE_SCHEMAS: Mapping[str, type[Content]] = {
    TRAINED_SEQUENCE: TrainedSequenceContent,
    SEQUENCE_OOF: SequenceOofContent,
}
"""The schema of each step of the sequence models, by ``Step.code``."""
