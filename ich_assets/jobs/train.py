"""ich_train: every training that does not hold, in one command and one process."""

import time

import dagster as dg
from pydantic import Field

from ich_assets.jobs.partition_runs import check_train_root, run_subject
from ich_assets.jobs.sequence_runs import run_sequence_folds
from ich_assets.learning.data_set import data_set
from ich_assets.learning.holding import (
    current_oof,
    current_table,
    current_trained,
    oof_records,
    recorded_fold,
    why_stale,
)
from ich_assets.learning.honesty import honest_initial
from ich_assets.learning.progress import naming_train_root
from ich_assets.learning.resources import LEARNING_RESOURCES, LearningResources
from ich_assets.learning.sequence_needs import require_sequence_data
from ich_assets.runtime.commits import quick_commits
from ich_assets.runtime.console import TERSE_CONSOLE
from ich_assets.runtime.retries import GPU_POOL, NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import host_tag
from ich_assets.training_partitions import chosen_backbones, partition_of
from ich_resources.backbones.table import FOLDS, Backbone
from ich_resources.errors import IchError
from ich_resources.steps import OOF_PREDICTIONS, OOF_TABLE, TRAINED_FOLD
from ich_resources.storage.content import Content
from ich_resources.storage.oof import LEAK_SENTENCE
from ich_resources.storage.record import Record
from ich_resources.storage.training_layout import fold_subject
from ich_resources.subjects import training_subject

STAGES = ("2d", "oof", "sequence")
"""What may be asked for, in order."""


class TrainConfig(dg.Config):
    """Which trainings are wanted."""

    backbones: list[str] = Field(
        default=[], description="Short names of the backbones; empty: all three."
    )
    folds: list[int] = Field(default=[], description="Numbers of the folds; empty: all five.")
    stages: list[str] = Field(
        default=list(STAGES),
        description="2d: the weights of each fold. oof: its predictions for the slices that it "
        "has held out, and the table of all of them. sequence: the sequence models on that table.",
    )
    feature_files: bool = Field(
        default=False,
        description="Write the feature of each slice as a file of its own, too, as the reference "
        "does. The RSNA data give millions of them.",
    )


@dg.op(out=dg.Out(dg.Nothing), pool=GPU_POOL, required_resource_keys=LEARNING_RESOURCES)
def train_folds(context: dg.OpExecutionContext, config: TrainConfig) -> None:
    """Train and predict every fold that does not hold; then write the table over all folds.

    Raises
    ------
    dagster.Failure
        If a fold failed, or its checks; the other folds are finished before.
    """
    resources = LearningResources.of(context)
    with naming_train_root(), quick_commits():
        partitions = _partitions(config)
        _check(resources, config, partitions)
        errors = _run_all(context, resources, config, partitions)
        if not errors and "oof" in config.stages:
            errors = _write_table(context, resources, config)
        if not errors and "sequence" in config.stages:
            errors = _run_sequences(context, resources, config)
    if errors:
        raise dg.Failure(
            f"Failed: {', '.join(errors)} -> mend what is said above, then run the same command "
            "again: finished steps are kept",
            allow_retries=False,
        )


def _partitions(config: TrainConfig) -> list[tuple[Backbone, int]]:
    """Return what is wanted, in the order in which it is trained.

    Raises
    ------
    IchError
        If there is no such stage, backbone or fold.
    """
    unknown = [stage for stage in config.stages if stage not in STAGES]
    if unknown or not config.stages:
        raise IchError(f"stages is {config.stages}", remedy=f"name some of {', '.join(STAGES)}")
    folds = sorted(set(config.folds)) or list(range(FOLDS))
    if not set(folds) <= set(range(FOLDS)):
        raise IchError(
            f"folds is {config.folds}", remedy=f"name some of 0 to {FOLDS - 1}, or leave it empty"
        )
    return [(backbone, fold) for backbone in chosen_backbones(config.backbones) for fold in folds]


def _check(
    resources: LearningResources, config: TrainConfig, partitions: list[tuple[Backbone, int]]
) -> None:
    """Check everything that would stop each training, before the first one.

    Raises
    ------
    IchError
        For the first fault.
    """
    check_train_root(resources)
    data = data_set(resources.train_root.layout)
    if resources.training.device not in ("auto", "cpu"):  # these two cannot fail
        from ich_resources.backbones.device import resolve_devices

        resolve_devices(resources.training.device)
    for backbone, fold in partitions:
        if current_trained(resources, backbone, fold) is None:
            honest_initial(resources, resources.training.recipe(backbone, fold), data)
    if "sequence" in config.stages and len({fold for _, fold in partitions}) == FOLDS:
        require_sequence_data(resources, partitions[0][0])


def _run_all(
    context: dg.OpExecutionContext,
    resources: LearningResources,
    config: TrainConfig,
    partitions: list[tuple[Backbone, int]],
) -> list[str]:
    """Run each partition with a line of its own; return those that failed."""
    errors, began = [], time.perf_counter()
    for number, (backbone, fold) in enumerate(partitions, 1):
        name = partition_of(backbone, fold)
        error = _run(context, resources, config, backbone, fold)
        minutes = (time.perf_counter() - began) / 60
        left = minutes / number * (len(partitions) - number)
        line = f"[{number}/{len(partitions)}] {name}"
        if error:
            errors.append(name)  # the step itself has said why
            context.log.error(f"{line}  failed")
            continue
        record = recorded_fold(resources, backbone, fold)
        loss = "" if record is None else f"  held out {record.content.weighted_log_loss:.4f}"
        context.log.info(f"{line}  done{loss}  ({minutes:.1f} min, about {left:.0f} min left)")
    return errors


def _run(
    context: dg.OpExecutionContext,
    resources: LearningResources,
    config: TrainConfig,
    backbone: Backbone,
    fold: int,
) -> str:
    name, subject = partition_of(backbone, fold), fold_subject(backbone, fold)

    def waiting() -> None:
        context.log.info(f"{name}: another process works on it; waiting")

    with resources.train_root.records.holding(subject, waiting):
        trained = current_trained(resources, backbone, fold)
        earlier = recorded_fold(resources, backbone, fold)
        if trained is None and earlier is not None:
            why = why_stale(resources, backbone, fold, earlier)
            context.log.info(f"{name}: trained again, because {why}")
        held: dict[str, Record[Content] | None] = {}
        if "2d" in config.stages:
            held[TRAINED_FOLD] = trained
        if "oof" in config.stages:
            held[OOF_PREDICTIONS] = current_oof(resources, backbone, fold)
        options = {OOF_PREDICTIONS: {"feature_files": config.feature_files}}
        return run_subject(
            context, resources, "ich_train_fold", subject, held, partition=name, config=options
        )


def _write_table(
    context: dg.OpExecutionContext, resources: LearningResources, config: TrainConfig
) -> list[str]:
    """Write the table over all folds; return its name if it failed."""
    backbones = chosen_backbones(config.backbones)
    if config.folds and len(set(config.folds)) < FOLDS:
        # Tasks that each have one fold would write it one after the other.
        context.log.info("The table of all folds is written by a run that names all five, or none")
        return []
    if len(oof_records(resources, backbones)) < FOLDS * len(backbones):
        context.log.info("The table of all folds comes when all five have their predictions")
        return []
    subject = training_subject()
    with resources.train_root.records.holding(subject):
        held = {OOF_TABLE: current_table(resources, backbones)}
        options = {OOF_TABLE: {"backbones": [backbone.asset for backbone in backbones]}}
        error = run_subject(context, resources, "ich_oof_table", subject, held, config=options)
    if error:
        return [OOF_TABLE]
    record = current_table(resources, backbones)
    if record is not None:
        losses = "  ".join(f"{k} {v:.4f}" for k, v in record.content.weighted_log_loss.items())
        leak = f"  {LEAK_SENTENCE}" if record.content.accept_leak else ""
        context.log.info(f"Out of fold: {losses}  (constants {record.content.prior:.4f}){leak}")
    return []


def _run_sequences(
    context: dg.OpExecutionContext, resources: LearningResources, config: TrainConfig
) -> list[str]:
    """Train the sequence models where the table of all folds holds; return the errors."""
    backbones = chosen_backbones(config.backbones)
    if "oof" in config.stages and current_table(resources, backbones) is None:
        context.log.info("The sequence models come when the table of all folds is there")
        return []
    return run_sequence_folds(context, resources)


@dg.job(
    executor_def=dg.in_process_executor, tags={**host_tag(), **NO_CRASH_RETRIES}, **TERSE_CONSOLE
)
def ich_train() -> None:
    """Train every fold of every backbone that does not hold, and predict what each has held out."""
    train_folds()
