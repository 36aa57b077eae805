"""Runs of the asset jobs inside another job: one process, the resources of the outer run."""

import time
import uuid
from typing import Any, Protocol

import dagster as dg

from ich_assets import graph
from ich_assets.current_records import current_records, series_steps
from ich_assets.jobs.existing import report_existing
from ich_assets.jobs.steps_left import steps_known_to_run, steps_left
from ich_assets.partitions import SERIES
from ich_assets.resources import SeriesResources
from ich_assets.runtime.console import failure_text
from ich_assets.runtime.engines import kept_engines
from ich_assets.runtime.interrupts import interrupts_end_the_batch
from ich_assets.runtime.origins import name_origin, naming_origins
from ich_assets.runtime.retries import NO_CRASH_RETRIES
from ich_assets.runtime.run_files import begin_run_file
from ich_assets.runtime.run_tags import BATCH_TAG, HANG_TAG, PART_OF_TAG, host_tag
from ich_resources.errors import IchError
from ich_resources.series import SeriesRecord
from ich_resources.storage.failures import CHECKS, UNCHECKED, begun_by
from ich_resources.subjects import series_subject


class RunResources(Protocol):
    """The resources of an outer run, which an inner run gets too."""

    def run_config(self) -> dict[str, Any]:
        """Return the run configuration that gives another run the same resources."""


def run_start(context: dg.OpExecutionContext) -> float:
    """Return when the run of an op began, in seconds since 1970."""
    stats = context.instance.get_run_stats(context.run_id)
    return getattr(stats, "start_time", None) or time.time()


def run_one_series(
    context: dg.OpExecutionContext,
    resources: SeriesResources,
    series: SeriesRecord,
    began: float,
) -> str:
    """Run the steps that one series needs; return why it failed, or an empty text.

    The lock of the series is held over all of its steps. Steps that another process has
    finished meanwhile are taken over.

    Parameters
    ----------
    context : dagster.OpExecutionContext
        Of the outer run.
    resources : SeriesResources
        Those of the outer run.
    series : SeriesRecord
        From the ledger.
    began : float
        When the outer run began, in seconds since 1970.
    """
    uid = series.series_instance_uid

    def waiting() -> None:
        context.log.info(f"{uid}: another process works on it; waiting")

    with resources.storage.records.holding(series_subject(uid), waiting):
        failures = resources.storage.records.failures
        failure = failures.find(series_subject(uid))
        if failure and failure.step == CHECKS and failures.noted_at(series_subject(uid)) >= began:
            return failure.message  # the same result would fail the same checks
        steps = steps_left(series, resources, began)
        resources.storage.records.add_digests(series_subject(uid))
        if not steps:  # another process was faster
            report_existing(context, resources, series)
            return ""
        return _run_steps(context, resources, series, steps)


def _run_steps(
    context: dg.OpExecutionContext,
    resources: SeriesResources,
    series: SeriesRecord,
    steps: list[str],
) -> str:
    uid, failures = series.series_instance_uid, resources.storage.records.failures
    subject = series_subject(uid)
    if not context.instance.has_dynamic_partition(str(SERIES.name), uid):
        context.instance.add_dynamic_partitions(str(SERIES.name), [uid])  # deleted since the scan
    steps = steps_known_to_run(steps, series, resources)
    # This replaces the note of an earlier run. A kill leaves it.
    failures.write(subject, UNCHECKED, begun_by(context.run_id))
    error = run_asset_job(context, resources, "ich_series", steps, partition=uid)
    # Slices that failed before and decode now make the later steps stale. So do changed images.
    current = current_records(series, resources)
    stale = [step for step in series_steps(resources) if step not in current]
    if not error and stale:
        error = run_asset_job(context, resources, "ich_series", stale, partition=uid)
    failure = failures.find(subject)
    if error and (failure is None or failure.step == UNCHECKED):
        failures.write(subject, CHECKS, IchError(error, code="CHECK_FAILED"))
    if not error:
        failures.clear(subject, UNCHECKED)
    return error


def run_asset_job(
    context: dg.OpExecutionContext,
    resources: RunResources,
    job: str,
    steps: list[str] | None = None,
    *,
    partition: str | None = None,
    config: dict[str, Any] | None = None,
    log_level: str = "CRITICAL",
) -> str:
    """Run an asset job in this process; return its error, or an empty text.

    Parameters
    ----------
    context : dagster.OpExecutionContext
        Of the outer run.
    resources : RunResources
        Those of the outer run; the inner run gets the same configuration.
    job : str
        Name of the job.
    steps : list of str, optional
        Only these assets of it.
    partition : str, optional
        SeriesInstanceUID, or fold of a training.
    config : dict, optional
        More of the run configuration.
    log_level : str
        From which level on the inner run writes to the terminal.
    """
    tags = {key: value for key, value in context.run.tags.items() if key == HANG_TAG}
    tags |= {BATCH_TAG: context.run_id, PART_OF_TAG: f"{context.job_name} {context.run_id[:8]}"}
    name_origin(context.instance, context.run_id)
    run_id = str(uuid.uuid4())
    begin_run_file(context.instance, run_id, context.run_id)
    origins = naming_origins(context.instance, context.run)
    with interrupts_end_the_batch(), origins, kept_engines():
        result = (
            graph.inner_defs()
            .resolve_job_def(job)
            .execute_in_process(
                instance=context.instance,
                run_id=run_id,
                partition_key=partition,
                raise_on_error=False,
                tags={**tags, **host_tag(), **NO_CRASH_RETRIES},
                asset_selection=[dg.AssetKey(step) for step in steps]
                if steps is not None
                else None,
                run_config={
                    **(config or {}),
                    "resources": resources.run_config(),
                    "loggers": {"console": {"config": {"log_level": log_level}}},
                },
            )
        )
    failures = [event for event in result.all_events if event.is_step_failure]
    if failures:
        return failure_text(failures[0].step_failure_data.error)
    return "" if result.success else f"the run {result.run_id} of {job} did not succeed"


def require_asset_job(
    context: dg.OpExecutionContext,
    resources: SeriesResources,
    job: str,
    steps: list[str] | None = None,
    *,
    config: dict[str, Any] | None = None,
) -> None:
    """Run an asset job that the outer run cannot go on without.

    Parameters
    ----------
    context : dagster.OpExecutionContext
        Of the outer run.
    resources : SeriesResources
        Those of the outer run. The inner run gets the same configuration.
    job : str
        Name of the job.
    steps : list of str, optional
        Only these assets of it; None for all.
    config : dict, optional
        Further keys of the inner run's configuration.

    Raises
    ------
    dagster.Failure
        With the job's error.
    """
    error = run_asset_job(context, resources, job, steps, config=config)
    if error:
        raise dg.Failure(error, allow_retries=False)
