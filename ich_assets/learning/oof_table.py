"""oof_table: the predictions out of fold of all folds, in the order of the slices."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
from pydantic import Field

from ich_assets.learning.data_set import DataSet, data_set
from ich_assets.learning.holding import missing_partitions, oof_records
from ich_assets.learning.predicted import merged_path, read_fold
from ich_assets.learning.progress import naming_train_root
from ich_assets.learning.resources import LEARNING_RESOURCES, LearningResources
from ich_assets.learning.training_digests import table_digest
from ich_assets.runtime.retries import retrying_transient_errors
from ich_assets.training_partitions import all_partitions, chosen_backbones
from ich_resources.backbones.table import FOLDS, Backbone
from ich_resources.errors import IchError, StorageError
from ich_resources.hemorrhage import CLASSES
from ich_resources.metric import prior_loss, weighted_log_loss
from ich_resources.steps import BY_NAME, CODE_VERSIONS, OOF_PREDICTIONS, OOF_TABLE
from ich_resources.storage.arrays import write_array
from ich_resources.storage.oof import (
    LEAK,
    ORDER_COLUMNS,
    FloatArray,
    single_model_table,
    write_table,
)
from ich_resources.storage.record import Record
from ich_resources.storage.training_schemas import OofContent
from ich_resources.storage.training_table_schemas import OofTableContent
from ich_resources.subjects import training_subject


class TableConfig(dg.Config):
    """Which networks the table is of."""

    backbones: list[str] = Field(
        default=[],
        description="Short names of the backbones; empty: all. All five folds of each must have "
        "their predictions.",
    )


@dg.asset(
    name=OOF_TABLE,
    group_name="training",
    deps=all_partitions(BY_NAME[OOF_TABLE].needs),
    kinds={"csv", "numpy"},
    code_version=CODE_VERSIONS[OOF_TABLE],
    required_resource_keys=LEARNING_RESOURCES,
)
def oof_table(context: dg.AssetExecutionContext, config: TableConfig) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The predictions out of fold of every backbone for every slice, in the order of the slices.

    Each slice is predicted by the networks that have not seen its patient.
    """
    resources = LearningResources.of(context)
    backbones = chosen_backbones(config.backbones)
    records, subject = resources.train_root.records, training_subject()
    with (
        retrying_transient_errors(context),
        naming_train_root(),
        records.working_on(subject, OOF_TABLE),
    ):
        started = time.perf_counter()
        oof = oof_records(resources, backbones)
        _require_all(backbones, oof)
        data = data_set(resources.train_root.layout)
        arrays = [_gather(resources, data, backbone) for backbone in backbones]
        content = _content(data, backbones, arrays, oof).model_copy(
            update={"seconds": round(time.perf_counter() - started, 3)}
        )
        record = _write(resources, data, backbones, arrays, content, oof)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.data_version), metadata=_metadata(resources, record)
    )


def _require_all(backbones: Sequence[Backbone], oof: Mapping[str, object]) -> None:
    """Check that every fold of some backbones has its predictions.

    Raises
    ------
    IchError
        If one has not; it names them.
    """
    missing = missing_partitions(backbones, oof)
    if missing:
        raise IchError(
            f"{OOF_PREDICTIONS} are missing or stale for {len(missing)} of "
            f"{len(backbones) * FOLDS} partitions: {', '.join(missing)}",
            remedy="run ich_train, which makes what is missing, or name fewer backbones",
            code="STALE",
        )


def _gather(resources: LearningResources, data: DataSet, backbone: Backbone) -> FloatArray:
    """Return a backbone's predictions out of fold, in the order of the slices; NaN where none.

    Raises
    ------
    StorageError
        If a slice is predicted twice, or is not one of the data set.
    """
    rows = {uid: row for row, uid in enumerate(data.slices.slices)}
    values = np.full((len(rows), len(CLASSES)), np.nan, np.float32)
    for fold in range(FOLDS):
        order, probabilities = read_fold(resources, "oof", backbone, fold)
        found = [rows.get(uid, -1) for uid in order]
        if -1 in found or not np.isnan(values[found]).all():
            raise StorageError(
                "a slice is predicted twice, or is not among the labelled slices",
                path=resources.train_root.layout.oof(backbone, fold).order,
                remedy=f"materialise {OOF_PREDICTIONS} again",
            )
        values[found] = probabilities
    if np.isnan(values).any():
        raise StorageError(
            f"{int(np.isnan(values).any(axis=1).sum())} slices have no prediction of "
            f"{backbone.name}",
            remedy=f"materialise {OOF_PREDICTIONS} again",
        )
    return values


def _content(
    data: DataSet,
    backbones: Sequence[Backbone],
    arrays: Sequence[FloatArray],
    oof: Mapping[str, Record[OofContent]],
) -> OofTableContent:
    labels = data.slices.labels
    losses = {
        backbone.name: weighted_log_loss(labels, values)
        for backbone, values in zip(backbones, arrays, strict=True)
    }
    return OofTableContent(
        seconds=0.0,
        backbones=tuple(backbone.name for backbone in backbones),
        slices=len(labels),
        weighted_log_loss=losses | {"mean": weighted_log_loss(labels, _mean(arrays))},
        prior=prior_loss(labels),
        accept_leak=any(record.content.accept_leak for record in oof.values()),
    )


def _mean(arrays: Sequence[FloatArray]) -> FloatArray:
    return np.asarray(np.mean(np.stack(arrays), axis=0, dtype=np.float64), np.float32)


def _write(
    resources: LearningResources,
    data: DataSet,
    backbones: Sequence[Backbone],
    arrays: Sequence[FloatArray],
    content: OofTableContent,
    oof: Mapping[str, Record[OofContent]],
) -> Record[OofTableContent]:
    layout, records = resources.train_root.layout, resources.train_root.records
    records.begin(training_subject(), OOF_TABLE)
    write_array(layout.oof_table, np.stack(arrays))
    write_table(layout.oof_order, _table(data, _mean(arrays), leak=content.accept_leak))
    paths = [layout.oof_table, layout.oof_order]
    for backbone, values in zip(backbones, arrays, strict=True):
        path = merged_path(resources, backbone, "oof")
        table = single_model_table(data.slices.slices, values, leak=content.accept_leak)
        write_table(path, table)
        paths.append(path)
    versions = {partition: record.data_version for partition, record in oof.items()}
    digest = table_digest(OOF_TABLE, versions, data.slices.version)
    names = tuple(layout.steps.relative(path) for path in paths)
    record = Record(digest, digest, names, content)
    records.finish(training_subject(), OOF_TABLE, record)
    return record


def _table(data: DataSet, mean: FloatArray, *, leak: bool) -> pd.DataFrame:
    slices = data.slices
    columns = (slices.slices, slices.series, slices.studies)
    table = pd.DataFrame(dict(zip(ORDER_COLUMNS, columns, strict=True)))
    table["fold"] = data.fold_of
    table[list(CLASSES)] = mean
    return table.assign(**{LEAK: True}) if leak else table


def _metadata(resources: LearningResources, record: Record[OofTableContent]) -> dict[str, Any]:
    made, root = record.content, resources.train_root.layout.train_root
    losses = {f"log_loss_{name}": round(loss, 6) for name, loss in made.weighted_log_loss.items()}
    return {
        "dagster/row_count": made.slices,
        "backbones": ", ".join(made.backbones),
        **losses,
        "log_loss_prior": round(made.prior, 6),
        "table": dg.MetadataValue.path(str(root / record.files[1])),
        **({"accept_leak": True} if made.accept_leak else {}),
    }
