"""The records of what is made of all folds of a training: the table out of fold, the submission."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ich_resources.backbones.table import BACKBONES
from ich_resources.steps import OOF_TABLE, SUBMISSION
from ich_resources.storage.content import Content, Rows, Text
from ich_resources.storage.layout import Layout
from ich_resources.storage.training_layout import TrainingLayout
from ich_resources.storage.training_schemas import merged_table_start
from ich_resources.subjects import Subject


class OofTableContent(Content):
    """The record of ``oof_table``.

    Attributes
    ----------
    backbones : tuple of str
        Names of the backbones in the order of the array.
    slices : int
        Slices of the data set.
    weighted_log_loss : dict of str to float
        Of each backbone, and of their mean (``mean``), over the slices with all six labels.
    prior : float
        The same for constant probabilities.
    accept_leak : bool
        Whether first weights may have seen held-out studies.
    """

    feeds_tables: ClassVar[bool] = False

    backbones: Rows[Text]
    slices: int
    weighted_log_loss: dict[Text, float]
    prior: float
    accept_leak: bool = False

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        ours = TrainingLayout(layout.run_root)
        outputs = [ours.single_model_output(backbone) for backbone in BACKBONES.values()]
        return (ours.oof_table.parent, *outputs)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        oof, *outputs = cls.folders(layout, subject)
        merged = path.parent in outputs and path.name.startswith(merged_table_start("oof"))
        return path.parent == oof or merged

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        ours = TrainingLayout(layout.run_root)
        return [ours.oof_table, ours.oof_order]


class SubmissionContent(Content):
    """The record of ``submission``.

    Attributes
    ----------
    source : str
        ``2d`` or ``sequence``: which probabilities it holds.
    order : str
        ``reference`` or ``sample``: the order of the rows.
    images : int
        Images with six rows each.
    accept_leak : bool
        Whether first weights may have seen held-out studies.
    """

    source: Text
    order: Text
    images: int
    accept_leak: bool = False

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        ours = TrainingLayout(layout.run_root)
        outputs = [ours.single_model_output(backbone) for backbone in BACKBONES.values()]
        return (ours.output, *outputs)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        ours = TrainingLayout(layout.run_root)
        _, *outputs = cls.folders(layout, subject)
        merged = path.parent in outputs and path.name.startswith(merged_table_start("test"))
        return path == ours.submission or merged

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        return [TrainingLayout(layout.run_root).submission]


TRAINING_TABLE_SCHEMAS: Mapping[str, type[Content]] = {
    OOF_TABLE: OofTableContent,
    SUBMISSION: SubmissionContent,
}
"""The schema of each of these steps, by ``Step.code``."""
