"""Runs of our asset jobs inside a batch: one process, the batch's own resources."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from ich_assets.inputs_digests import Rooms, all_steps, current_records
from ich_assets.partitions import SERIES
from ich_assets.runtime.console import failure_text
from ich_assets.runtime.interrupts import interrupts_end_the_batch
from ich_assets.runtime.retries import NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import BATCH_TAG, host_tag
from ich_resources.errors import IchError
from ich_resources.recipe import ENSEMBLE, PROCESSED, SALIENCY
from ich_resources.series import SeriesRecord
from ich_resources.storage.records import CHECKS, UNCHECKED, Record
from ich_resources.storage.resource import StorageResource

DATA_VERSION_TAG = "dagster/data_version"
"""Tag of a materialisation that carries its data version."""


def steps_to_run(series: SeriesRecord, rooms: Rooms) -> list[str]:
    """Return the steps whose result does not hold, and slices that failed once more."""
    failure = rooms.storage.records.failure(series.series_instance_uid)
    if failure is not None and failure.step == CHECKS:
        return all_steps(rooms.networks)
    records = current_records(series, rooms)
    wanted = {step for step in all_steps(rooms.networks) if step not in records}
    if PROCESSED in records and records[PROCESSED].content["failed"]:
        wanted.add(PROCESSED)
    if failure is not None and failure.step == UNCHECKED:
        wanted |= {PROCESSED, ENSEMBLE, SALIENCY}  # which have checks; predictions have none
    return [step for step in all_steps(rooms.networks) if step in wanted]


def run_one_series(context: dg.OpExecutionContext, rooms: Rooms, series: SeriesRecord) -> str:
    """Run what one series needs; return why it failed, or an empty text."""
    uid, noted = series.series_instance_uid, rooms.storage.records
    steps = steps_to_run(series, rooms)
    if not steps:  # another process was faster
        adopt(context, rooms, series)
        return ""
    if not context.instance.has_dynamic_partition(str(SERIES.name), uid):
        context.instance.add_dynamic_partitions(str(SERIES.name), [uid])  # deleted since
    # In place of what an earlier run has noted; a kill leaves it.
    noted.note_failure(uid, UNCHECKED, IchError("its run has not come to its end"))
    error = attempt(context, rooms, "ich_series", steps, partition=uid)
    # Slices that failed before and can be read now make the later steps stale.
    again = [s for s in all_steps(rooms.networks) if s not in current_records(series, rooms)]
    if not error and again:
        error = attempt(context, rooms, "ich_series", again, partition=uid)
    failure = noted.failure(uid)
    if error and (failure is None or failure.step == UNCHECKED):
        noted.note_failure(uid, CHECKS, IchError(error, code="CHECK_FAILED"))
    if not error:
        noted.forget_failure(uid, UNCHECKED)
    return error


def attempt(
    context: dg.OpExecutionContext,
    rooms: Rooms,
    job: str,
    steps: list[str] | None = None,
    *,
    partition: str | None = None,
    config: dict[str, Any] | None = None,
) -> str:
    """Run an asset job, or some steps of it, and return its error or an empty text."""
    # Late: the definitions import the batch.
    from ich_assets.definitions import defs

    resources = {name: {"config": room.model_dump()} for name, room in rooms._asdict().items()}
    with interrupts_end_the_batch():
        result = defs.resolve_job_def(job).execute_in_process(
            instance=context.instance,
            partition_key=partition,
            raise_on_error=False,
            tags={BATCH_TAG: context.run_id, **host_tag(), **NO_CRASH_RETRIES},
            asset_selection=[dg.AssetKey(step) for step in steps] if steps is not None else None,
            run_config={
                **(config or {}),
                "resources": resources,
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
        )
    failures = [event for event in result.all_events if event.is_step_failure]
    if failures:
        return failure_text(failures[0].step_failure_data.error)
    return "" if result.success else f"the run {result.run_id} of {job} did not succeed"


def require(
    context: dg.OpExecutionContext,
    rooms: Rooms,
    job: str,
    steps: list[str] | None = None,
    *,
    config: dict[str, Any] | None = None,
) -> None:
    """Run an asset job without which the batch cannot go on.

    Raises
    ------
    dagster.Failure
        With the job's error.
    """
    error = attempt(context, rooms, job, steps, config=config)
    if error:
        raise dg.Failure(error, allow_retries=False)


def adopt(context: dg.OpExecutionContext, rooms: Rooms, series: SeriesRecord) -> None:
    """Tell this Dagster instance of results that another one (or none) has made.

    Without it a finished run root would look empty in the UI of a new DAGSTER_HOME.
    """
    uid = series.series_instance_uid
    for event in adoption(context.instance, rooms.storage, uid, current_records(series, rooms)):
        context.log_event(event)


def adoption(
    instance: dg.DagsterInstance,
    storage: StorageResource,
    series_uid: str,
    records: Mapping[str, Record],
) -> list[dg.AssetMaterialization]:
    """Return an event for each result that a Dagster instance does not know of."""
    events = []
    for step, record in records.items():
        key = dg.AssetKey(step)
        latest = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=[series_uid]), limit=1
        ).records
        known = latest[0].asset_materialization if latest else None
        if known and (known.tags or {}).get(DATA_VERSION_TAG) == record.data_version:
            continue
        events.append(
            dg.AssetMaterialization(
                key,
                partition=series_uid,
                tags={DATA_VERSION_TAG: record.data_version},
                metadata={
                    "found_in": dg.MetadataValue.path(str(storage.layout.record(series_uid, step))),
                    "seconds": record.content["seconds"],
                },
            )
        )
    return events
