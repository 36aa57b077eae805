"""Which results of a training hold: the inputs digest of each step, and the records that fit it.

Equal digests mean equal results. Batch sizes of predictions, device and threads change the numbers
by rounding only; they are recorded and are not part of a digest.

The steps are those of ``steps.TRAINING_STEPS``, and no walk goes along that table: steps of all
folds follow steps of one, and ``storage.chain.walk`` is for the steps of one subject. So each
function here asks the one of the step before. ``sequence_holding`` has the functions of the
sequence models. The digests of the data set, the folds and the submission stand where these are
made.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ich_assets.learning.data_set import data_set, test_set
from ich_assets.learning.resources import LearningResources
from ich_assets.learning.training_digests import predictions_digest, table_digest, trained_digest
from ich_assets.training_partitions import partition_of
from ich_resources.backbones.table import FOLDS, Backbone
from ich_resources.errors import CheckpointError, IchError
from ich_resources.steps import OOF_PREDICTIONS, OOF_TABLE, TEST_PREDICTIONS, TRAINED_FOLD
from ich_resources.storage.files import is_unchanged
from ich_resources.storage.record import Record
from ich_resources.storage.training_layout import fold_subject
from ich_resources.storage.training_schemas import (
    FoldPredictionsContent,
    OofContent,
    TestContent,
    TrainedFoldContent,
)
from ich_resources.storage.training_table_schemas import OofTableContent
from ich_resources.subjects import training_subject

_P = TypeVar("_P", bound=FoldPredictionsContent)


def current_trained(
    resources: LearningResources, backbone: Backbone, fold: int
) -> Record[TrainedFoldContent] | None:
    """Return the record of a trained fold if it holds for the current data and recipe, else None.

    Parameters
    ----------
    resources : LearningResources
        Recipe and training root.
    backbone, fold
        What was trained.

    Raises
    ------
    DatasetError
        If there is no data set.
    """
    record = recorded_fold(resources, backbone, fold)
    if record is None or why_stale(resources, backbone, fold, record):
        return None
    return record


def recorded_fold(
    resources: LearningResources, backbone: Backbone, fold: int
) -> Record[TrainedFoldContent] | None:
    """Return the record of a trained fold, made with any recipe; None where there is none.

    Parameters
    ----------
    resources : LearningResources
        Only the training root counts.
    backbone, fold
        What was trained.
    """
    records = resources.train_root.records
    return records.find_as(fold_subject(backbone, fold), TRAINED_FOLD, TrainedFoldContent)


def why_stale(
    resources: LearningResources,
    backbone: Backbone,
    fold: int,
    record: Record[TrainedFoldContent],
) -> str:
    """Return why a trained fold does not hold any more; empty where it holds.

    Parameters
    ----------
    resources : LearningResources
        Recipe and training root.
    backbone, fold
        What was trained.
    record : Record
        Its record.

    Raises
    ------
    DatasetError
        If there is no data set.
    """
    data, made = data_set(resources.train_root.layout), record.content
    recipe = resources.training.recipe(backbone, fold)
    if made.folds != data.folds_version:
        return "the list of folds has changed"
    if made.recipe != recipe.fingerprint:
        return "the recipe has changed"
    try:
        initial = resources.training.initial(recipe).digest
    except (CheckpointError, IchError):  # a finished training does not need the file any more
        initial = made.initial
    if record.inputs_digest != trained_digest(recipe, initial, data):
        return "labels, images, first weights or code have changed"
    if not is_unchanged(resources.train_root.layout.checkpoint(backbone, fold), made.checkpoint):
        return "its checkpoint is damaged or was replaced"
    return ""


def current_oof(
    resources: LearningResources, backbone: Backbone, fold: int
) -> Record[OofContent] | None:
    """Return the record of the predictions out of fold if it and its fold's hold, else None.

    Parameters
    ----------
    resources : LearningResources
        Recipe, views and training root.
    backbone, fold
        The network that predicted the slices that it did not see.
    """
    images = data_set(resources.train_root.layout).slices.version
    return _current_predictions(resources, backbone, fold, OofContent, images)


def current_test(
    resources: LearningResources, backbone: Backbone, fold: int
) -> Record[TestContent] | None:
    """Return the record of the predictions of the test set if it and its fold's hold, else None.

    Parameters
    ----------
    resources : LearningResources
        Recipe, views and training root.
    backbone, fold
        The network that predicted the test set.
    """
    images = test_set(resources.train_root.layout).version
    return _current_predictions(resources, backbone, fold, TestContent, images)


def _current_predictions(
    resources: LearningResources, backbone: Backbone, fold: int, schema: type[_P], images: str
) -> Record[_P] | None:
    step = OOF_PREDICTIONS if schema.kind == "oof" else TEST_PREDICTIONS
    layout, subject = resources.train_root.layout, fold_subject(backbone, fold)
    trained = current_trained(resources, backbone, fold)
    record = resources.train_root.records.find_as(subject, step, schema)
    if trained is None or record is None:
        return None
    views = resources.training.views(resources.training.recipe(backbone, fold))
    digest = predictions_digest(step, trained.content.checkpoint, views, images)
    files = schema.files(layout.steps, subject).all
    whole = all(
        is_unchanged(path, record.sha256(layout.steps.relative(path)) or "") for path in files
    )
    return record if record.inputs_digest == digest and whole else None


def oof_records(
    resources: LearningResources, backbones: Sequence[Backbone]
) -> dict[str, Record[OofContent]]:
    """Return the records of the predictions out of fold that hold, by partition, in order."""
    return _records(resources, backbones, current_oof)


def test_records(
    resources: LearningResources, backbones: Sequence[Backbone]
) -> dict[str, Record[TestContent]]:
    """Return the records of the predictions of the test set that hold, by partition, in order."""
    return _records(resources, backbones, current_test)


def _records(
    resources: LearningResources,
    backbones: Sequence[Backbone],
    current: Callable[[LearningResources, Backbone, int], Record[_P] | None],
) -> dict[str, Record[_P]]:
    found = {}
    for backbone in backbones:
        for fold in range(FOLDS):
            record = current(resources, backbone, fold)
            if record is not None:
                found[partition_of(backbone, fold)] = record
    return found


def current_table(
    resources: LearningResources, backbones: Sequence[Backbone]
) -> Record[OofTableContent] | None:
    """Return the record of ``oof_table`` if it holds for these backbones."""
    records = resources.train_root.records
    record = records.find_as(training_subject(), OOF_TABLE, OofTableContent)
    oof = oof_records(resources, backbones)
    if record is None or len(oof) < FOLDS * len(backbones):
        return None
    versions = {partition: made.data_version for partition, made in oof.items()}
    images = data_set(resources.train_root.layout).slices.version
    return record if record.inputs_digest == table_digest(OOF_TABLE, versions, images) else None


def missing_partitions(backbones: Sequence[Backbone], found: Mapping[str, object]) -> list[str]:
    """Return the partitions of some backbones that have no result."""
    wanted = [partition_of(backbone, fold) for backbone in backbones for fold in range(FOLDS)]
    return [partition for partition in wanted if partition not in found]
