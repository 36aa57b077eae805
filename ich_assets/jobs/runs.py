"""Runs of the asset jobs inside another job: one process, the resources of the outer run."""

import time
from collections.abc import Mapping
from typing import Any

import dagster as dg

from ich_assets import graph
from ich_assets.inputs_digests import current_records, may_hold, series_steps
from ich_assets.metadata import DATA_VERSION_TAG
from ich_assets.partitions import SERIES
from ich_assets.resources import SeriesResources
from ich_assets.runtime.console import failure_text
from ich_assets.runtime.interrupts import interrupts_end_the_batch
from ich_assets.runtime.retries import NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import BATCH_TAG, host_tag
from ich_resources.errors import IchError
from ich_resources.series import SeriesRecord
from ich_resources.steps import BY_NAME, PROCESSED
from ich_resources.storage.content import Content
from ich_resources.storage.failures import CHECKS, UNCHECKED
from ich_resources.storage.record import Record
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject


def steps_to_run(series: SeriesRecord, resources: SeriesResources) -> list[str]:
    """Return the steps without a valid result, and those whose failed slices are tried again."""
    steps = series_steps(resources.networks)
    subject = series_subject(series.series_instance_uid)
    failure = resources.storage.records.failures.find(subject)
    if failure is not None and failure.step == CHECKS:
        return steps
    records = current_records(series, resources)
    unchecked = failure is not None and failure.step == UNCHECKED
    return [
        step
        for step in steps
        if step not in records
        or records[step].content.worth_repeating
        or (unchecked and BY_NAME[step].has_checks)
    ]


def run_start(context: dg.OpExecutionContext) -> float:
    """Return when the run of an op began, in seconds since 1970."""
    stats = context.instance.get_run_stats(context.run_id)
    return getattr(stats, "start_time", None) or time.time()


def steps_left(series: SeriesRecord, resources: SeriesResources, began: float) -> list[str]:
    """Return the steps that a run has to do, under the lock of the series.

    Slices that failed in a run that ended since ``began`` are not tried again: it has just done so.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger.
    resources : SeriesResources
        Checkpoints and options.
    began : float
        When the run began, in seconds since 1970.
    """
    records, subject = resources.storage.records, series_subject(series.series_instance_uid)
    steps = steps_to_run(series, resources)
    current = current_records(series, resources)
    failure = records.failures.find(subject)
    if steps and current.keys() >= set(series_steps(resources.networks)) and failure is None:
        return [step for step in steps if records.finished_since(subject, step, began) is None]
    if steps and PROCESSED not in steps and not records.is_whole(subject, PROCESSED):
        return [PROCESSED, *steps]  # the other steps would read damaged crops
    return steps


def steps_known_to_run(
    steps: list[str], series: SeriesRecord, resources: SeriesResources
) -> list[str]:
    """Return the steps to run that need not wait for the outcome of another.

    Where only the code or the options of ``processed_series`` have changed, its images may be the
    same. Then the later results hold. So it runs alone first.

    Parameters
    ----------
    steps : list of str
        The steps without a valid result.
    series : SeriesRecord
        From the ledger.
    resources : SeriesResources
        Checkpoints and options.
    """
    failure = resources.storage.records.failures.find(series_subject(series.series_instance_uid))
    checks_run_again = failure is not None and failure.step in (CHECKS, UNCHECKED)
    if PROCESSED not in steps or checks_run_again:
        return steps
    return [PROCESSED] if may_hold(series, resources) - {PROCESSED} else steps


def run_one_series(
    context: dg.OpExecutionContext,
    resources: SeriesResources,
    series: SeriesRecord,
    began: float,
) -> str:
    """Run the steps that one series needs; return why it failed, or an empty text.

    The lock of the series is held over all of its steps. What another process has finished
    meanwhile is taken over.

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
    failures.write(subject, UNCHECKED, IchError("its run has not come to its end"))
    error = run_asset_job(context, resources, "ich_series", steps, partition=uid)
    # Slices that failed before and decode now make the later steps stale. So do changed images.
    current = current_records(series, resources)
    stale = [step for step in series_steps(resources.networks) if step not in current]
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
    resources: SeriesResources,
    job: str,
    steps: list[str] | None = None,
    *,
    partition: str | None = None,
    config: dict[str, Any] | None = None,
) -> str:
    """Run an asset job in this process; return its error, or an empty text.

    Parameters
    ----------
    context : dagster.OpExecutionContext
        Of the outer run.
    resources : SeriesResources
        Those of the outer run; the inner run gets the same configuration.
    job : str
        Name of the job.
    steps : list of str, optional
        Only these assets of it.
    partition : str, optional
        SeriesInstanceUID.
    config : dict, optional
        More of the run configuration.
    """
    with interrupts_end_the_batch():
        result = graph.defs.resolve_job_def(job).execute_in_process(
            instance=context.instance,
            partition_key=partition,
            raise_on_error=False,
            tags={BATCH_TAG: context.run_id, **host_tag(), **NO_CRASH_RETRIES},
            asset_selection=[dg.AssetKey(step) for step in steps] if steps is not None else None,
            run_config={
                **(config or {}),
                "resources": resources.run_config(),
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
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

    Raises
    ------
    dagster.Failure
        With the job's error.
    """
    error = run_asset_job(context, resources, job, steps, config=config)
    if error:
        raise dg.Failure(error, allow_retries=False)


def report_existing(
    context: dg.OpExecutionContext, resources: SeriesResources, series: SeriesRecord
) -> None:
    """Report to this Dagster instance the results that another instance, or none, has made.

    Without it the UI of a new DAGSTER_HOME shows a finished run root as empty.
    """
    records, uid = current_records(series, resources), series.series_instance_uid
    for event in unknown_results(context.instance, resources.storage, uid, records):
        context.log_event(event)


def unknown_results(
    instance: dg.DagsterInstance,
    storage: StorageResource,
    series_uid: str,
    records: Mapping[str, Record[Content]],
) -> list[dg.AssetMaterialization]:
    """Return an event for each result that a Dagster instance does not know.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It is asked for the last event of each step.
    storage : StorageResource
        Where the records are.
    series_uid : str
        SeriesInstanceUID, the partition.
    records : mapping of str to Record
        The results, by step.
    """
    events = []
    for step, record in records.items():
        key = dg.AssetKey(step)
        latest = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=[series_uid]), limit=1
        ).records
        known = latest[0].asset_materialization if latest else None
        if known and (known.tags or {}).get(DATA_VERSION_TAG) == record.data_version:
            continue
        path = storage.layout.record(series_subject(series_uid), step)
        events.append(
            dg.AssetMaterialization(
                key,
                partition=series_uid,
                tags={DATA_VERSION_TAG: record.data_version},
                metadata={
                    "found_in": dg.MetadataValue.path(str(path)),
                    "seconds": record.content.seconds,
                },
            )
        )
    return events
