"""The five sequence folds inside another job: those that do not hold are trained."""

from collections.abc import Sequence

import dagster as dg

from ich_assets.jobs.partition_runs import run_subject
from ich_assets.learning.out_of_fold import OutOfFold, require_out_of_fold
from ich_assets.learning.resources import LearningResources
from ich_assets.learning.sequence_holding import current_sequence, current_sequence_oof
from ich_resources.backbones.table import FOLDS
from ich_resources.steps import SEQUENCE_OOF, TRAINED_SEQUENCE
from ich_resources.storage.content import Content
from ich_resources.storage.record import Record
from ich_resources.storage.sequence_schemas import sequence_subject


def run_sequence_folds(
    context: dg.OpExecutionContext, resources: LearningResources, folds: Sequence[int] = ()
) -> list[str]:
    """Train and predict the sequence folds that do not hold; return the errors.

    Parameters
    ----------
    context : dagster.OpExecutionContext
        Of the outer run.
    resources : LearningResources
        Those of the outer run.
    folds : sequence of int
        Which; empty for all five.

    Raises
    ------
    IchError
        If the table of predictions out of fold does not hold.
    """
    source, errors = require_out_of_fold(resources), []
    for fold in folds or range(FOLDS):
        error = _run(context, resources, source, fold)
        if error:
            errors.append(f"sequence {fold}: {error}")
            context.log.error(f"sequence {fold}  failed")
            continue
        record = current_sequence(resources, fold, source)
        loss = "" if record is None else f"  held out {record.content.head2:.4f}"
        context.log.info(f"sequence {fold}  done{loss}")
    return errors


def _run(
    context: dg.OpExecutionContext, resources: LearningResources, source: OutOfFold, fold: int
) -> str:
    subject = sequence_subject(fold)

    def waiting() -> None:
        context.log.info(f"sequence {fold}: another process works on it; waiting")

    with resources.train_root.records.holding(subject, waiting):
        held: dict[str, Record[Content] | None] = {
            TRAINED_SEQUENCE: current_sequence(resources, fold, source),
            SEQUENCE_OOF: current_sequence_oof(resources, fold, source),
        }
        return run_subject(
            context, resources, "ich_sequence_fold", subject, held, partition=str(fold)
        )
