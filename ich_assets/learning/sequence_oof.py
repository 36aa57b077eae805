"""sequence_oof: what the sequence models say of the slices that they have not seen."""

import time

import dagster as dg
import numpy as np
import pandas as pd

from ich_assets.learning.out_of_fold import OutOfFold, require_out_of_fold
from ich_assets.learning.progress import naming_train_root
from ich_assets.learning.resources import LEARNING_RESOURCES, LearningResources
from ich_assets.learning.sequence import labels_of
from ich_assets.learning.sequence_data import out_of_fold_series
from ich_assets.learning.sequence_holding import (
    current_sequence,
    current_sequence_oof,
    sequence_oof_digest,
)
from ich_assets.runtime.retries import GPU_POOL, retrying_transient_errors
from ich_assets.training_partitions import FOLD
from ich_resources.errors import IchError
from ich_resources.metric import weighted_log_loss
from ich_resources.sequence.checkpoint import SequenceFile, load_sequence
from ich_resources.steps import BY_NAME, CODE_VERSIONS, SEQUENCE_OOF, TRAINED_SEQUENCE
from ich_resources.storage.arrays import write_array
from ich_resources.storage.oof import LEAK, write_table
from ich_resources.storage.record import Record
from ich_resources.storage.sequence_schemas import SequenceOofContent, sequence_subject


@dg.asset(
    name=SEQUENCE_OOF,
    group_name="training",
    partitions_def=FOLD,
    deps=list(BY_NAME[SEQUENCE_OOF].needs),
    kinds={"pytorch"},
    code_version=CODE_VERSIONS[SEQUENCE_OOF],
    pool=GPU_POOL,
    required_resource_keys=LEARNING_RESOURCES,
)
def sequence_oof(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Probabilities of the sequence models of a fold for the slices that it has held out.

    Forward and reversed, on the predictions of the 2D networks that have not seen the slices.
    """
    resources, fold = LearningResources.of(context), int(context.partition_key)
    records, subject = resources.train_root.records, sequence_subject(fold)
    with (
        retrying_transient_errors(context),
        naming_train_root(),
        records.working_on(subject, SEQUENCE_OOF),
    ):
        source = require_out_of_fold(resources)
        record = current_sequence_oof(resources, fold, source)
        if record is None:
            record = _predict(resources, source, fold)
    made, root = record.content, resources.train_root.layout.train_root
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.data_version),
        metadata={
            "slices": made.slices,
            "series": made.series,
            "weighted_log_loss": made.weighted_log_loss,
            "weighted_log_loss_of_prior": made.prior,
            "device": made.device,
            "seconds": made.seconds,
            "probabilities": dg.MetadataValue.path(str(root / record.files[0])),
            **({"accept_leak": True} if made.accept_leak else {}),
        },
    )


def _predict(
    resources: LearningResources, source: OutOfFold, fold: int
) -> Record[SequenceOofContent]:
    from ich_resources.backbones.device import describe_devices, resolve_devices
    from ich_resources.sequence.apply import sequence_probabilities

    layout, records = resources.train_root.layout, resources.train_root.records
    trained = current_sequence(resources, fold, source)
    path, subject = layout.sequence_checkpoint(fold), sequence_subject(fold)
    if trained is None:
        raise IchError(
            f"sequence fold {fold} is not trained with the current predictions and settings",
            path=path,
            remedy=f"materialise {TRAINED_SEQUENCE} for this partition first",
            code="STALE",
        )
    started = time.perf_counter()
    device = resolve_devices(resources.sequence.device)[0]
    _, network = load_sequence(SequenceFile(path, trained.content.checkpoint), device)
    folds = resources.sequence.recipe(fold).sequence_folds
    series = [one for one in out_of_fold_series(resources, source, folds) if one.fold == fold]
    found = [sequence_probabilities([network], [one.series]) for one in series]
    probabilities, labels = np.concatenate(found), labels_of(series)
    known = not np.isnan(labels).all()
    made = SequenceOofContent(
        seconds=round(time.perf_counter() - started, 3),
        fold=fold,
        checkpoint=trained.content.checkpoint,
        slices=len(labels),
        series=len(series),
        weighted_log_loss=weighted_log_loss(labels, probabilities) if known else None,
        prior=trained.content.prior if known else None,
        device=describe_devices([device]),
        accept_leak=trained.content.accept_leak,
    )
    array, order = layout.sequence_oof(fold)
    records.begin(subject, SEQUENCE_OOF)
    write_array(array, probabilities)
    table = pd.DataFrame({"slice": [uid for one in series for uid in one.slices]})
    write_table(order, table.assign(**{LEAK: True}) if made.accept_leak else table)
    digest = sequence_oof_digest(trained.content.checkpoint)
    names = tuple(layout.steps.relative(file) for file in (array, order))
    record = Record(digest, digest, names, made)
    records.finish(subject, SEQUENCE_OOF, record)
    return record
