"""Runs of the partitions of a training inside another job; see ``runs`` for those of series."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from ich_assets.jobs.existing import unknown_results
from ich_assets.jobs.runs import run_asset_job
from ich_assets.learning.data_set import data_set
from ich_assets.learning.resources import LearningResources
from ich_resources.errors import IchError
from ich_resources.storage.content import Content
from ich_resources.storage.failures import CHECKS, UNCHECKED
from ich_resources.storage.files import require_writable, sweep
from ich_resources.storage.record import Record
from ich_resources.subjects import Subject

Held = Mapping[str, Record[Content] | None]
"""The record of each step that is wanted; None where it has to run."""
_WRITTEN = ("state", "models", "oof", "test", "output")
"""Folders below TRAIN_ROOT that these jobs write into."""


def run_subject(
    context: dg.OpExecutionContext,
    resources: LearningResources,
    job: str,
    subject: Subject,
    held: Held,
    *,
    partition: str | None = None,
    config: dict[str, Any] | None = None,
) -> str:
    """Run the steps of one subject that do not hold; return an error, or an empty text.

    A subject whose checks have failed, or may be missing, runs all of its steps: those that hold
    take their result, and are checked again.

    Parameters
    ----------
    context : dagster.OpExecutionContext
        Of the outer run.
    resources : LearningResources
        Those of the outer run.
    job : str
        The asset job that holds the steps.
    subject : Subject
        What the records are about.
    held : mapping of str to (Record or None)
        The steps that are wanted, in order.
    partition : str, optional
        The partition of the steps.
    config : dict, optional
        Configuration of the steps.
    """
    failures = resources.train_root.records.failures
    failure = failures.find(subject)
    again = failure is not None and failure.step in (CHECKS, UNCHECKED)
    todo = [step for step, record in held.items() if again or record is None]
    if not todo:
        layout = resources.train_root.layout.steps
        for event in unknown_results(context.instance, layout, subject, partition, held):
            context.log_event(event)
        return ""
    # This replaces the note of an earlier run. A kill leaves it.
    failures.write(subject, UNCHECKED, IchError("its run has not come to its end"))
    error = run_asset_job(
        context,
        resources,
        job,
        todo,
        partition=partition,
        config=_config_of(config, todo),
        log_level="INFO",
    )
    failure = failures.find(subject)
    if error and (failure is None or failure.step == UNCHECKED):
        failures.write(subject, CHECKS, IchError(error, code="CHECK_FAILED"))
    if not error:
        failures.clear(subject, UNCHECKED)
    return error


def _config_of(config: dict[str, Any] | None, todo: Sequence[str]) -> dict[str, Any] | None:
    """Return the configuration of those steps that run; Dagster refuses that of others."""
    ops = {step: value for step, value in (config or {}).items() if step in todo}
    return {"ops": {step: {"config": value} for step, value in ops.items()}} if ops else None


def check_train_root(resources: LearningResources) -> None:
    """Check that the training root can be written and has a data set; remove half-written files.

    Raises
    ------
    IchError
        If TRAIN_ROOT is not set, cannot be written, or has no labelled slices or folds.
    """
    layout = resources.train_root.layout
    data_set(layout)
    require_writable(layout.train_root)
    for name in _WRITTEN:
        sweep(layout.train_root / name)
