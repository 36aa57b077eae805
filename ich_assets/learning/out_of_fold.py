"""The predictions out of fold that sequence models are trained on."""

from collections.abc import Mapping
from dataclasses import dataclass

from ich_assets.learning.holding import current_table, oof_records
from ich_assets.learning.resources import LearningResources
from ich_assets.training_partitions import partition_of
from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone
from ich_resources.errors import IchError
from ich_resources.steps import OOF_TABLE
from ich_resources.storage.record import Record
from ich_resources.storage.training_schemas import OofContent
from ich_resources.storage.training_table_schemas import OofTableContent
from ich_resources.subjects import training_subject


@dataclass(frozen=True)
class OutOfFold:
    """The predictions out of fold that sequence models are trained on.

    Attributes
    ----------
    table : Record
        Of ``oof_table``.
    backbones : tuple of Backbone
        The base networks, in the order of the table.
    records : mapping of str to Record
        Of the predictions of each partition.
    """

    table: Record[OofTableContent]
    backbones: tuple[Backbone, ...]
    records: Mapping[str, Record[OofContent]]

    @classmethod
    def current(cls, resources: LearningResources) -> "OutOfFold | None":
        """Return the predictions if their table holds, else None.

        Raises
        ------
        DatasetError
            If there is no data set.
        """
        records = resources.train_root.records
        table = records.find_as(training_subject(), OOF_TABLE, OofTableContent)
        if table is None:
            return None
        backbones = [BACKBONES[name] for name in table.content.backbones]
        if current_table(resources, backbones) is None:
            return None
        return cls(table, tuple(backbones), oof_records(resources, backbones))

    @property
    def checkpoints(self) -> dict[str, tuple[str, ...]]:
        """SHA-256 of the 2D checkpoints, by backbone, in the order of the folds."""
        return {
            backbone.name: tuple(
                self.records[partition_of(backbone, fold)].content.checkpoint
                for fold in range(FOLDS)
            )
            for backbone in self.backbones
        }

    @property
    def widths(self) -> tuple[int, ...]:
        """Length of the features of each backbone."""
        return tuple(self.records[partition_of(b, 0)].content.width for b in self.backbones)

    @property
    def views(self) -> str:
        """The views whose mean the predictions are; the same in all partitions."""
        return next(iter(self.records.values())).content.views


def require_out_of_fold(resources: LearningResources) -> OutOfFold:
    """Return the predictions out of fold.

    Raises
    ------
    IchError
        If their table does not hold.
    """
    found = OutOfFold.current(resources)
    if found is None:
        raise IchError(
            "there is no table of predictions out of fold that holds for the current data and "
            "recipe",
            remedy="run ich_train, which makes what is missing",
            code="STALE",
        )
    return found
