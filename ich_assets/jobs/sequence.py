"""ich_sequence: the five sequence folds, and what each says of the slices it has held out."""

import dagster as dg
from pydantic import Field

from ich_assets.jobs.partition_runs import check_train_root
from ich_assets.jobs.sequence_runs import run_sequence_folds
from ich_assets.learning.progress import naming_train_root
from ich_assets.learning.resources import LEARNING_RESOURCES, LearningResources
from ich_assets.runtime.commits import quick_commits
from ich_assets.runtime.console import TERSE_CONSOLE
from ich_assets.runtime.retries import GPU_POOL, NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import host_tag
from ich_resources.backbones.table import FOLDS
from ich_resources.errors import IchError


class SequenceConfig(dg.Config):
    """Which folds are wanted."""

    folds: list[int] = Field(default=[], description="Numbers of the folds; empty: all five.")


@dg.op(out=dg.Out(dg.Nothing), pool=GPU_POOL, required_resource_keys=LEARNING_RESOURCES)
def train_sequences(context: dg.OpExecutionContext, config: SequenceConfig) -> None:
    """Train and predict every sequence fold that does not hold.

    Raises
    ------
    IchError
        If there is no such fold, or the predictions out of fold do not hold.
    dagster.Failure
        If a fold failed; the others are finished before.
    """
    if not set(config.folds) <= set(range(FOLDS)):
        raise IchError(
            f"folds is {config.folds}", remedy=f"name some of 0 to {FOLDS - 1}, or leave it empty"
        )
    resources = LearningResources.of(context)
    with naming_train_root(), quick_commits():
        check_train_root(resources)
        errors = run_sequence_folds(context, resources, sorted(set(config.folds)))
    if errors:
        raise dg.Failure("; ".join(errors), allow_retries=False)


@dg.job(
    executor_def=dg.in_process_executor, tags={**host_tag(), **NO_CRASH_RETRIES}, **TERSE_CONSOLE
)
def ich_sequence() -> None:
    """Train the sequence models of every fold on the predictions out of fold."""
    train_sequences()
