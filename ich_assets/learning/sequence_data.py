"""Series as the 2D networks have scored them: out of fold, to train on, and of the test set."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ich_assets.learning.data_set import data_set, test_set, training_slices
from ich_assets.learning.out_of_fold import OutOfFold
from ich_assets.learning.predicted import read_features, read_fold
from ich_assets.learning.resources import LearningResources
from ich_assets.learning.sequence_needs import require_positions
from ich_assets.training_partitions import partition_of
from ich_resources.backbones.table import FOLDS, Backbone
from ich_resources.errors import StorageError
from ich_resources.labels import LabelledSlices
from ich_resources.sequence.folds import kfold48
from ich_resources.sequence.recipe import SequenceFolds
from ich_resources.sequence.samples import ScoredSeries
from ich_resources.steps import OOF_PREDICTIONS
from ich_resources.storage.training_schemas import Kind
from ich_resources.training.recipe import GroupBy
from ich_resources.training.slices import TrainingSlices


@dataclass(frozen=True)
class HeldOut:
    """A series, with the slices it is of and the sequence fold that holds it out."""

    series: ScoredSeries
    slices: tuple[str, ...]
    fold: int

    @property
    def labelled(self) -> bool:
        """Whether a class of a slice was read."""
        return not bool(np.isnan(self.series.labels).all())


def out_of_fold_series(
    resources: LearningResources, source: OutOfFold, folds: SequenceFolds
) -> list[HeldOut]:
    """Return every series, scored by the 2D networks that have not seen it.

    Features stay on disk until a sample needs them.

    Parameters
    ----------
    resources : LearningResources
        The training root.
    source : OutOfFold
        What the series were scored by.
    folds : {"same", "kfold48"}
        The sequence folds: those of the 2D networks, or those of the reference, over the series in
        the order of the table.

    Raises
    ------
    DatasetError
        If the position of a slice is not known.
    StorageError
        If the predictions are missing, or of other slices.
    """
    layout = resources.train_root.layout
    data, group_by = data_set(layout), _group_by(resources, source.backbones[0])
    place = {uid: row for row, uid in enumerate(data.slices.slices)}
    found: list[HeldOut] = []
    for fold in range(FOLDS):
        held_out = data.cut(fold, group_by)[1]
        scored = scored_series(resources, "oof", source.backbones, fold, data.slices, held_out)
        found += [HeldOut(series, slices, fold) for slices, series in scored]
    found.sort(key=lambda one: place[one.slices[0]])
    if folds == "kfold48":
        numbers = kfold48(len(found)).tolist()
        pairs = zip(found, numbers, strict=True)
        return [HeldOut(one.series, one.slices, number) for one, number in pairs]
    return found


def test_series(
    resources: LearningResources, backbones: Sequence[Backbone], fold: int
) -> list[tuple[tuple[str, ...], ScoredSeries]]:
    """Return the series of the test set as one 2D fold has scored them, with their slices.

    Parameters
    ----------
    resources : LearningResources
        Training root; the recipe says if series or studies are grouped.
    backbones : sequence of Backbone
        The base networks, in the order of axis M of the probabilities.
    fold : int
        The 2D fold that scored the test set.

    Raises
    ------
    DatasetError
        If the position of a slice is not known.
    StorageError
        If the predictions are missing, or of other slices.
    """
    table = test_set(resources.train_root.layout)
    rows = np.arange(len(table.slices))
    slices = training_slices(table, rows, _group_by(resources, backbones[0]))
    return list(scored_series(resources, "test", backbones, fold, table, slices))


def _group_by(resources: LearningResources, backbone: Backbone) -> GroupBy:
    return resources.training.recipe(backbone, 0).group_by


def scored_series(
    resources: LearningResources,
    kind: Kind,
    backbones: Sequence[Backbone],
    fold: int,
    table: LabelledSlices,
    slices: TrainingSlices,
) -> Iterator[tuple[tuple[str, ...], ScoredSeries]]:
    """Yield the slices of each series of one 2D fold, and the series.

    Parameters
    ----------
    resources : LearningResources
        The training root.
    kind : {"oof", "test"}
        Which predictions.
    backbones : sequence of Backbone
        The base networks, in order.
    fold : int
        The 2D fold.
    table : LabelledSlices
        Where positions come from.
    slices : TrainingSlices
        In the order of the predictions, series by series.

    Raises
    ------
    DatasetError
        If the position of a slice is not known.
    StorageError
        If the predictions are missing, or of other slices.
    """
    read = [_read(resources, kind, backbone, fold, slices) for backbone in backbones]
    positions = _positions(table, slices)
    for group in slices.ranges:
        rows = slice(group.start, group.stop)
        yield (
            tuple(slices.slices[rows]),
            ScoredSeries(
                tuple(features[rows] for _, features in read),
                np.stack([probabilities[rows] for probabilities, _ in read]),
                positions[rows],
                slices.labels[rows],
            ),
        )


def _read(
    resources: LearningResources,
    kind: Kind,
    backbone: Backbone,
    fold: int,
    slices: TrainingSlices,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float16]]:
    order, probabilities = read_fold(resources, kind, backbone, fold)
    _, features = read_features(resources, kind, backbone, fold)
    if tuple(order) != tuple(slices.slices) or len(features) != len(order):
        raise StorageError(
            f"the predictions of {partition_of(backbone, fold)} are of other slices, or in another "
            "order, than the data set",
            remedy=f"materialise {OOF_PREDICTIONS} or test_predictions again",
        )
    return probabilities, features


def _positions(table: LabelledSlices, slices: TrainingSlices) -> npt.NDArray[np.float64]:
    place = {uid: row for row, uid in enumerate(table.slices)}
    positions = table.positions[[place[uid] for uid in slices.slices]]
    require_positions(positions)
    return positions
