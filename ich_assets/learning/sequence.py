"""trained_sequence: sequence models on the predictions out of fold."""

from importlib.metadata import version
from typing import Any

import dagster as dg
import numpy as np
from pydantic import Field

from ich_assets.learning.gpus import one_gpu
from ich_assets.learning.model_folder import pin_checkpoint
from ich_assets.learning.out_of_fold import OutOfFold, require_out_of_fold
from ich_assets.learning.progress import naming_train_root, sequence_hooks
from ich_assets.learning.resources import LEARNING_RESOURCES, LearningResources
from ich_assets.learning.sequence_data import HeldOut, out_of_fold_series
from ich_assets.learning.sequence_holding import current_sequence, trained_sequence_digest
from ich_assets.runtime.retries import GPU_POOL, retrying_transient_errors
from ich_assets.training_partitions import FOLD
from ich_resources.digests import bytes_sha256
from ich_resources.errors import DatasetError
from ich_resources.metric import prevalences, prior_loss
from ich_resources.sequence.about import SequenceAbout
from ich_resources.sequence.checkpoint import checkpoint_bytes
from ich_resources.sequence.recipe import SequenceRecipe
from ich_resources.steps import BY_NAME, CODE_VERSIONS, TRAINED_SEQUENCE
from ich_resources.storage.files import write_bytes
from ich_resources.storage.record import Record
from ich_resources.storage.sequence_schemas import TrainedSequenceContent, sequence_subject
from ich_resources.training.results import Machine


class TrainedSequenceConfig(dg.Config):
    """Whether a training that holds is done again."""

    again: bool = Field(
        default=False, description="Train again, although the result on disk holds."
    )


@dg.asset(
    name=TRAINED_SEQUENCE,
    group_name="training",
    partitions_def=FOLD,
    deps=list(BY_NAME[TRAINED_SEQUENCE].needs),
    kinds={"pytorch"},
    code_version=CODE_VERSIONS[TRAINED_SEQUENCE],
    pool=GPU_POOL,
    required_resource_keys=LEARNING_RESOURCES,
)
def trained_sequence(
    context: dg.AssetExecutionContext, config: TrainedSequenceConfig
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The sequence models of one fold, trained on the predictions out of fold of all others.

    A training that was ended goes on after its last finished epoch.
    """
    from ich_resources.unfinished import forget_state

    resources, fold = LearningResources.of(context), int(context.partition_key)
    records, subject = resources.train_root.records, sequence_subject(fold)

    def waiting() -> None:
        context.log.info(f"sequence {fold}: another process trains it; waiting")

    with (
        retrying_transient_errors(context),
        naming_train_root(),
        records.holding(subject, waiting),
        records.working_on(subject, TRAINED_SEQUENCE),
    ):
        source = require_out_of_fold(resources)
        record = None if config.again else current_sequence(resources, fold, source)
        if record is None:
            record = _train(context, resources, source, fold)
        else:
            context.log.info(f"sequence {fold}: its result holds and is taken")
        # A kill may have left the state of a training that was recorded.
        forget_state(resources.train_root.layout.steps.folder(subject))
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.data_version),
        metadata=_trained_metadata(resources, record),
    )


def _train(
    context: dg.AssetExecutionContext, resources: LearningResources, source: OutOfFold, fold: int
) -> Record[TrainedSequenceContent]:
    from ich_resources.sequence.loop import train_sequence

    layout, records = resources.train_root.layout, resources.train_root.records
    recipe, subject = resources.sequence.recipe(fold), sequence_subject(fold)
    series = out_of_fold_series(resources, source, recipe.sequence_folds)
    train = [one for one in series if one.labelled and one.fold != fold]
    held_out = [one for one in series if one.labelled and one.fold == fold]
    if not train or not held_out:
        raise DatasetError(
            f"sequence fold {fold} has {len(held_out)} series with labels, and all others have "
            f"{len(train)}",
            remedy="take more patients: every fold needs some",
        )
    context.log.info(
        f"sequence {fold}: training on {len(train)} series, {len(held_out)} held out, from "
        f"{', '.join(backbone.name for backbone in source.backbones)}"
    )
    with one_gpu(Machine(resources.sequence.device), context.log.info) as machine:
        trained = train_sequence(
            [one.series for one in train],
            [one.series for one in held_out],
            recipe,
            layout.steps.folder(subject),
            inputs=source.table.data_version,
            device=machine.device,
            hooks=sequence_hooks(context, recipe.epochs),
        )
    about = _about(resources, source, recipe, trained.kept.head1, trained.kept.head2)
    content = checkpoint_bytes(trained, about)
    path = layout.sequence_checkpoint(fold)
    made = TrainedSequenceContent(
        seconds=round(sum(epoch.seconds for epoch in trained.history), 3),
        fold=fold,
        oof_table=source.table.data_version,
        checkpoint=bytes_sha256(content),
        backbones=about.backbones,
        recipe=recipe.fingerprint,
        epochs=len(trained.history),
        best_epoch=trained.kept.epoch,
        head1=trained.kept.head1,
        head2=trained.kept.head2,
        prior=prior_loss(labels_of(held_out), prevalences(labels_of(train))),
        series=len(train),
        held_out=len(held_out),
        without_labels=len(series) - len(train) - len(held_out),
        device=trained.device,
        resumed=trained.resumed,
        accept_leak=source.table.content.accept_leak,
    )
    records.begin(subject, TRAINED_SEQUENCE)
    write_bytes(path, content, durable=True)
    pin_checkpoint(layout, path, made.checkpoint)
    digest = trained_sequence_digest(recipe, source.table.data_version)
    files = tuple(layout.steps.relative(file) for file in (path, layout.log(subject)))
    record = Record(digest, made.checkpoint, files, made)
    records.finish(subject, TRAINED_SEQUENCE, record)
    return record


def labels_of(series: list[HeldOut]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the labels of all slices, one series after the other.

    Parameters
    ----------
    series : list of HeldOut
        At least one.

    Returns
    -------
    float32 array, shape (slices, 6)
        0, 1, or NaN where the class was not read.
    """
    return np.concatenate([one.series.labels for one in series])


def _about(
    resources: LearningResources,
    source: OutOfFold,
    recipe: SequenceRecipe,
    head1: float,
    head2: float,
) -> SequenceAbout:
    """Return what the checkpoint says about itself."""
    return SequenceAbout(
        fold=recipe.fold,
        backbones=tuple(backbone.name for backbone in source.backbones),
        widths=source.widths,
        checkpoints=source.checkpoints,
        views=source.views,
        sequence_features=recipe.sequence_features,
        trained_on=resources.training.trained_on,
        recipe=recipe.to_plain(),
        oof_table=source.table.data_version,
        head1=head1,
        head2=head2,
        versions={name: version(name) for name in ("ich", "numpy", "torch")},
        accept_leak=source.table.content.accept_leak,
    )


def _trained_metadata(
    resources: LearningResources, record: Record[TrainedSequenceContent]
) -> dict[str, Any]:
    made, root = record.content, resources.train_root.layout.train_root
    return {
        "weighted_log_loss": round(made.head2, 6),
        "weighted_log_loss_of_head_1": round(made.head1, 6),
        "weighted_log_loss_of_prior": round(made.prior, 6),
        "best_epoch": made.best_epoch,
        "epochs": made.epochs,
        "series_trained_on": made.series,
        "series_held_out": made.held_out,
        "backbones": ", ".join(made.backbones),
        "device": made.device,
        "seconds": made.seconds,
        "checkpoint": dg.MetadataValue.path(str(root / record.files[0])),
        "log": dg.MetadataValue.path(str(root / record.files[1])),
        **({"accept_leak": True} if made.accept_leak else {}),
    }
