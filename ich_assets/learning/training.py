"""trained_fold: the weights of one fold of one backbone, trained on all other folds."""

from importlib.metadata import version
from typing import Any

import dagster as dg
from pydantic import Field

from ich_assets.learning.data_set import DataSet, data_set
from ich_assets.learning.gpus import one_gpu
from ich_assets.learning.holding import current_trained
from ich_assets.learning.honesty import honest_initial
from ich_assets.learning.model_folder import pin_checkpoint
from ich_assets.learning.progress import by_class, history_table, hooks, naming_train_root
from ich_assets.learning.resources import LEARNING_RESOURCES, LearningResources
from ich_assets.learning.training_digests import trained_digest
from ich_assets.runtime.retries import GPU_POOL, retrying_transient_errors
from ich_assets.training_partitions import BACKBONE_AND_FOLD, backbone_and_fold
from ich_resources.backbones.recipe_in_file import Trained
from ich_resources.backbones.study_hashes import study_hash, study_salt
from ich_resources.digests import bytes_sha256
from ich_resources.errors import DatasetError
from ich_resources.metric import prevalences, prior_loss
from ich_resources.steps import BY_NAME, CODE_VERSIONS, TRAINED_FOLD
from ich_resources.storage.files import write_bytes
from ich_resources.storage.record import Record
from ich_resources.storage.training_layout import fold_subject
from ich_resources.storage.training_schemas import TrainedFoldContent
from ich_resources.training.recipe import Recipe
from ich_resources.training.results import TrainedFold
from ich_resources.training.slices import TrainingSlices


class TrainedFoldConfig(dg.Config):
    """Whether a training that holds is done again."""

    again: bool = Field(
        default=False, description="Train again, although the result on disk holds."
    )


@dg.asset(
    name=TRAINED_FOLD,
    group_name="training",
    partitions_def=BACKBONE_AND_FOLD,
    deps=list(BY_NAME[TRAINED_FOLD].needs),
    kinds={"pytorch"},
    code_version=CODE_VERSIONS[TRAINED_FOLD],
    pool=GPU_POOL,
    required_resource_keys=LEARNING_RESOURCES,
)
def trained_fold(
    context: dg.AssetExecutionContext, config: TrainedFoldConfig
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The weights of one fold of a backbone, trained on the slices of all other folds.

    A training that was ended goes on after its last finished epoch. A result that holds for the
    current slices, folds and recipe is taken as it is.
    """
    from ich_resources.unfinished import forget_state

    resources = LearningResources.of(context)
    backbone, fold = backbone_and_fold(context.partition_key)
    records, subject = resources.train_root.records, fold_subject(backbone, fold)

    def waiting() -> None:
        context.log.info(f"{context.partition_key}: another process trains it; waiting")

    with (
        retrying_transient_errors(context),
        naming_train_root(),
        records.holding(subject, waiting),
        records.working_on(subject, TRAINED_FOLD),
    ):
        record = None if config.again else current_trained(resources, backbone, fold)
        if record is not None:
            context.log.info(f"{context.partition_key}: its result holds and is taken")
            made = _taken(resources, record)
        else:
            recipe = resources.training.recipe(backbone, fold)
            made = _train(context, resources, recipe, data_set(resources.train_root.layout))
        # A kill may have left the state of a training that was recorded.
        forget_state(resources.train_root.layout.steps.folder(subject))
        return made


def _train(
    context: dg.AssetExecutionContext,
    resources: LearningResources,
    recipe: Recipe,
    data: DataSet,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    from ich_resources.training.checkpoint import checkpoint_bytes
    from ich_resources.training.loop import train_fold

    layout, records = resources.train_root.layout, resources.train_root.records
    backbone, fold = backbone_and_fold(context.partition_key)
    subject = fold_subject(backbone, fold)
    initial = honest_initial(resources, recipe, data)
    if initial.leak:
        context.log.warning(
            f"{context.partition_key}: the first weights may have seen what this fold holds out; "
            "its numbers are worthless, and every table says so"
        )
    slices, held_out = data.cut(fold, recipe.group_by)
    context.log.info(
        f"{context.partition_key}: training on {len(slices)} slices, {len(held_out)} held out"
    )
    with one_gpu(resources.training.machine, context.log.info) as machine:
        trained = train_fold(
            slices,
            held_out,
            recipe,
            initial,
            layout.steps.folder(subject),
            machine=machine,
            hooks=hooks(context, recipe.epochs),
        )
    about = _about(resources, recipe, data, trained)
    content = checkpoint_bytes(trained, about.to_plain())
    made = _content(trained, about, recipe, data, slices, held_out).model_copy(
        update={
            "checkpoint": bytes_sha256(content),
            "initial": initial.digest,
            "accept_leak": initial.leak,
        }
    )
    path = layout.checkpoint(backbone, fold)
    records.begin(subject, TRAINED_FOLD)
    write_bytes(path, content, durable=True)
    pin_checkpoint(layout, path, made.checkpoint)
    digest = trained_digest(recipe, initial.digest, data)
    files = tuple(layout.steps.relative(file) for file in (path, layout.log(subject)))
    record = Record(digest, made.checkpoint, files, made)
    records.finish(subject, TRAINED_FOLD, record)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.data_version),
        metadata={
            **_metadata(resources, record),
            "epochs_table": history_table(trained.history),
            **by_class("log_loss", trained.kept.losses),
            **by_class("auc", trained.kept.aucs),
        },
    )


def _about(
    resources: LearningResources,
    recipe: Recipe,
    data: DataSet,
    trained: TrainedFold,
) -> Trained:
    """Return what the checkpoint says about itself.

    Raises
    ------
    DatasetError
        If no held-out slice has a label.
    """
    if trained.kept.weighted_log_loss is None:
        raise DatasetError(
            f"no slice of fold {recipe.fold} has a label",
            remedy="label slices of every fold, or make the folds again",
        )
    salt = study_salt(resources.train_root.key)
    return Trained(
        backbone=recipe.backbone,
        fold=recipe.fold,
        input_size=recipe.input_size,
        slice_context=recipe.slice_context,
        trained_on=resources.training.trained_on,
        salt=salt,
        studies={study_hash(salt, uid): fold for uid, fold in data.study_folds().items()},
        recipe=recipe.settings(),
        labels=data.slices.version,
        init=recipe.init,
        weighted_log_loss=float(trained.kept.weighted_log_loss),
        versions={name: version(name) for name in ("ich", "numpy", "torch", "torchvision")},
    )


def _content(
    trained: TrainedFold,
    about: Trained,
    recipe: Recipe,
    data: DataSet,
    slices: TrainingSlices,
    held_out: TrainingSlices,
) -> TrainedFoldContent:
    return TrainedFoldContent(
        seconds=round(sum(result.seconds for result in trained.history), 3),
        backbone=recipe.backbone,
        fold=recipe.fold,
        folds=data.folds_version,
        checkpoint="",
        recipe=recipe.fingerprint,
        init=recipe.init,
        initial="",
        epochs=len(trained.history),
        best_epoch=trained.kept.epoch,
        weighted_log_loss=about.weighted_log_loss,
        prior=prior_loss(held_out.labels, prevalences(slices.labels)),
        slices=len(slices),
        held_out=len(held_out),
        device=trained.device,
        precision=trained.precision,
        resumed=trained.resumed,
    )


def _metadata(resources: LearningResources, record: Record[TrainedFoldContent]) -> dict[str, Any]:
    made, layout = record.content, resources.train_root.layout
    return {
        "weighted_log_loss": round(made.weighted_log_loss, 6),
        "weighted_log_loss_of_prior": round(made.prior, 6),
        "best_epoch": made.best_epoch,
        "epochs": made.epochs,
        "slices_trained_on": made.slices,
        "slices_held_out": made.held_out,
        "device": made.device,
        "precision": made.precision,
        "first_weights": made.init,
        "seconds": made.seconds,
        "checkpoint": dg.MetadataValue.path(str(layout.train_root / record.files[0])),
        "log": dg.MetadataValue.path(str(layout.train_root / record.files[1])),
    }


def _taken(
    resources: LearningResources, record: Record[TrainedFoldContent]
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.data_version), metadata=_metadata(resources, record)
    )
