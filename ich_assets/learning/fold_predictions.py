"""Predictions of one trained fold: for the slices that it held out, or for the test set."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ich_assets.learning.data_set import data_set, test_set, training_slices
from ich_assets.learning.gpus import one_gpu
from ich_assets.learning.holding import current_oof, current_test, current_trained
from ich_assets.learning.predicted import STEPS, read_features, single_model_path
from ich_assets.learning.resources import LearningResources
from ich_assets.learning.training_digests import predictions_digest as digest_of
from ich_assets.training_partitions import backbone_and_fold, partition_of
from ich_resources.backbones.checkpoint_digests import digest_file
from ich_resources.backbones.table import Backbone
from ich_resources.errors import CheckpointError, IchError, InferenceError
from ich_resources.labels import LabelledSlices
from ich_resources.steps import TRAINED_FOLD
from ich_resources.storage.oof import (
    LEAK,
    ORDER_COLUMNS,
    single_model_table,
    write_features,
    write_fold,
    write_table,
)
from ich_resources.storage.record import Record
from ich_resources.storage.training_layout import fold_subject
from ich_resources.storage.training_schemas import (
    FoldPredictionsContent,
    Kind,
    OofContent,
    TestContent,
    TrainedFoldContent,
)
from ich_resources.training.slices import TrainingSlices
from ich_resources.training.view_options import ViewOptions

_SCHEMAS: dict[Kind, type[FoldPredictionsContent]] = {"oof": OofContent, "test": TestContent}


@dataclass(frozen=True)
class Wanted:
    """Which predictions are wanted.

    Attributes
    ----------
    kind : {"oof", "test"}
        Of which slices.
    backbone, fold
        By which network.
    feature_files : bool
        Whether each feature is written as a file of its own, too.
    """

    kind: Kind
    backbone: Backbone
    fold: int
    feature_files: bool

    @property
    def step(self) -> str:
        """Name of the step."""
        return STEPS[self.kind]

    @property
    def partition(self) -> str:
        """Its partition."""
        return partition_of(self.backbone, self.fold)


def predict_fold(
    context: dg.AssetExecutionContext, kind: Kind, *, feature_files: bool
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Predict with the network of a partition, and write arrays, table and record.

    Parameters
    ----------
    context : dagster.AssetExecutionContext
        Of a step with one partition.
    kind : {"oof", "test"}
        The slices that the fold held out, or those of the test set.
    feature_files : bool
        Whether each feature is written as a file of its own, too.

    Raises
    ------
    IchError
        If the fold has not been trained, the checkpoint is not the one that was recorded, or the
        network gives what is not finite.
    """
    resources = LearningResources.of(context)
    wanted = Wanted(kind, *backbone_and_fold(context.partition_key), feature_files)
    held = (
        current_oof(resources, wanted.backbone, wanted.fold)
        if kind == "oof"
        else current_test(resources, wanted.backbone, wanted.fold)
    )
    record: Record[FoldPredictionsContent]
    if held is not None:
        context.log.info(f"{wanted.partition}: its predictions hold and are taken")
        record = held
    else:
        record = _predict(resources, wanted, context.log.info)
    if feature_files:
        _write_feature_files(resources, wanted)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.data_version), metadata=_metadata(resources, record)
    )


def _predict(
    resources: LearningResources, wanted: Wanted, say: Callable[[str], None]
) -> Record[FoldPredictionsContent]:
    from ich_resources.training.views import predict_checkpoint

    layout, records = resources.train_root.layout, resources.train_root.records
    trained = _trained(resources, wanted)
    table, slices = _slices(resources, wanted)
    views = _views(resources, wanted)
    started = time.perf_counter()
    with one_gpu(resources.training.machine, say) as machine:
        predicted = predict_checkpoint(
            layout.checkpoint(wanted.backbone, wanted.fold),
            wanted.backbone.name,
            slices,
            views,
            machine=machine,
        )
    probabilities, features = predicted.mean, predicted.features
    if not (np.isfinite(probabilities).all() and np.isfinite(features).all()):
        raise InferenceError(
            f"{wanted.partition} gives values that are not finite", remedy="train this fold again"
        )
    content = _SCHEMAS[wanted.kind](
        seconds=round(time.perf_counter() - started, 3),
        backbone=wanted.backbone.name,
        fold=wanted.fold,
        checkpoint=trained.content.checkpoint,
        images=table.version,
        slices=len(slices),
        width=features.shape[1],
        views=views.tta,
        device=predicted.device,
        precision=predicted.precision,
        accept_leak=trained.content.accept_leak,
    )
    digest = digest_of(wanted.step, trained.content.checkpoint, views, table.version)
    subject = fold_subject(wanted.backbone, wanted.fold)
    records.begin(subject, wanted.step)
    files = content.files(layout.steps, subject)
    leak = content.accept_leak
    write_fold(files, _order(table, slices, leak=leak), probabilities, features)
    single = single_model_path(resources, wanted.backbone, wanted.fold, wanted.kind)
    write_table(single, single_model_table(slices.slices, probabilities, leak=leak), index=True)
    names = tuple(layout.steps.relative(path) for path in (*files.all, single))
    record = Record(digest, digest, names, content)
    records.finish(subject, wanted.step, record)
    return record


def _views(resources: LearningResources, wanted: Wanted) -> ViewOptions:
    return resources.training.views(resources.training.recipe(wanted.backbone, wanted.fold))


def _trained(resources: LearningResources, wanted: Wanted) -> Record[TrainedFoldContent]:
    """Return the record of the fold that predicts.

    Raises
    ------
    IchError
        If there is none that holds.
    CheckpointError
        If the file is another one.
    """
    record = current_trained(resources, wanted.backbone, wanted.fold)
    path = resources.train_root.layout.checkpoint(wanted.backbone, wanted.fold)
    if record is None:
        raise IchError(
            f"{wanted.partition} is not trained with the current data and recipe",
            path=path,
            remedy=f"materialise {TRAINED_FOLD} for this partition first",
            code="STALE",
        )
    if digest_file(path) != record.content.checkpoint:
        raise CheckpointError(
            "the checkpoint was replaced since it was trained",
            path=path,
            remedy="put the trained file back, or train this fold again",
        )
    return record


def _slices(resources: LearningResources, wanted: Wanted) -> tuple[LabelledSlices, TrainingSlices]:
    """Return the table that slices come from, and the slices to predict."""
    layout = resources.train_root.layout
    group_by = resources.training.recipe(wanted.backbone, wanted.fold).group_by
    if wanted.kind == "test":
        table = test_set(layout)
        return table, training_slices(table, np.arange(len(table.slices)), group_by)
    data = data_set(layout)
    return data.slices, data.cut(wanted.fold, group_by)[1]


def _order(table: LabelledSlices, slices: TrainingSlices, *, leak: bool) -> pd.DataFrame:
    rows = {uid: row for row, uid in enumerate(table.slices)}
    found = [rows[uid] for uid in slices.slices]
    columns = (
        slices.slices,
        [table.series[row] for row in found],
        [table.studies[row] for row in found],
    )
    order = pd.DataFrame(dict(zip(ORDER_COLUMNS, columns, strict=True)))
    return order.assign(**{LEAK: True}) if leak else order


def _write_feature_files(resources: LearningResources, wanted: Wanted) -> None:
    order, features = read_features(resources, wanted.kind, wanted.backbone, wanted.fold)
    folder = resources.train_root.layout.single_model_output(wanted.backbone)
    name, suffix = ("npy_train", "") if wanted.kind == "oof" else ("npy_test", f"_{wanted.fold}")
    write_features(folder / name, order, features, suffix)


def _metadata(
    resources: LearningResources, record: Record[FoldPredictionsContent]
) -> dict[str, Any]:
    made, root = record.content, resources.train_root.layout.train_root
    return {
        "slices": made.slices,
        "feature_width": made.width,
        "views": made.views,
        "device": made.device,
        "precision": made.precision,
        "seconds": made.seconds,
        "probabilities": dg.MetadataValue.path(str(root / record.files[0])),
        "features": dg.MetadataValue.path(str(root / record.files[1])),
        "table": dg.MetadataValue.path(str(root / record.files[3])),
        **({"accept_leak": True} if made.accept_leak else {}),
    }
