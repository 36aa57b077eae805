"""The runs that the sensor requests, and their outcome."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterRun, DagsterRunStatus, RunsFilter

from ich_assets.graph import ich_series
from ich_assets.jobs.backlog import ich_backlog
from ich_assets.runtime.console import failure_text
from ich_resources.arrivals import Arrival
from ich_resources.errors import IchError, StorageError
from ich_resources.inbox.index import InboxIndex
from ich_resources.reasons import Reason
from ich_resources.storage.chain import outcome_on_disk
from ich_resources.storage.failures import CHECKS
from ich_resources.storage.ledger import found_series
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject

REQUEST_TAG = "ich/offer"
"""Run tag of a request of the sensor; an id of its own, so that no request is ever forgotten."""
ATTEMPTS = 3
"""Requests for one version of a series whose runs die without an error."""
_FINISHED = ("done", "incomplete", "failed")
_MOMENTARY = (Reason.CHANGED, Reason.UNREADABLE)
"""Codes of files that were judged whole and could not be read again, as with a sender at work."""


def request_runs(
    due: Sequence[Arrival], *, single_runs: int, run_config: Mapping[str, Any]
) -> tuple[list[dg.RunRequest], list[Arrival]]:
    """Return the run requests for series, and the new state of each series.

    Parameters
    ----------
    due : sequence of Arrival
        Series to be scored.
    single_runs : int
        Up to so many get a run each; more of them get one together, which loads networks once.
    run_config : mapping
        Run configuration of the requests.
    """
    # A series whose run died may have caused it: from now on it has a run of its own.
    alone = [a for a in due if a.attempts or len(due) <= single_runs]
    together = [a for a in due if a not in alone]
    requested = [_requested(arrival, uuid.uuid4().hex) for arrival in alone]
    requests = [
        dg.RunRequest(
            job_name=ich_series.name,
            partition_key=arrival.series_instance_uid,
            tags={REQUEST_TAG: arrival.request_id},
            run_config=run_config,
        )
        for arrival in requested
    ]
    if not together:
        return requests, requested
    request_id = uuid.uuid4().hex
    requested += [_requested(arrival, request_id) for arrival in together]
    ops = {"arrived_series": {"config": {"series": [a.series_instance_uid for a in together]}}}
    request = dg.RunRequest(
        job_name=ich_backlog.name,
        tags={REQUEST_TAG: request_id},
        run_config={**run_config, "ops": ops},
    )
    return [*requests, request], requested


def _requested(arrival: Arrival, request_id: str) -> Arrival:
    return replace(
        arrival,
        requested_version=arrival.version,
        request_id=request_id,
        attempts=arrival.attempts + 1,
        sentence="its run is requested",
    )


def settle(
    instance: dg.DagsterInstance, index: InboxIndex, storage: StorageResource
) -> list[Arrival]:
    """Return the series whose requested runs have a new state, with that state."""

    @cache
    def run_of(request_id: str) -> DagsterRun | None:
        runs = instance.get_runs(RunsFilter(tags={REQUEST_TAG: request_id}), limit=1)
        return runs[0] if runs else None

    waiting = [a for a in index.arrivals("admitted", "running") if a.unsettled]
    # Somebody may have run a failed series by hand since then.
    failed = [
        a
        for a in index.arrivals("failed")
        if storage.records.finished_at(series_subject(a.series_instance_uid)) is not None
    ]
    settled = []
    for arrival in (*waiting, *failed):
        runs = (run_of(request_id) for request_id in index.request_ids(arrival))
        run = next((run for run in runs if run is not None), None)
        try:
            now = _settled(arrival, run, instance, storage)
        except OutdatedError:
            index.reopen([arrival.series_instance_uid])
        else:
            if now != arrival:
                settled.append(now)
    return settled


class OutdatedError(Exception):
    """The ledger entry on disk is damaged, or a scan overwrote it: it must be written again."""


def outcome_of(storage: StorageResource, arrival: Arrival) -> SeriesOutcome:
    """Return what became of the version of a series that the inbox knows.

    Raises
    ------
    OutdatedError
        If the ledger entry on disk is of another version, or damaged.
    """
    try:
        series = found_series(storage.layout, arrival.series_instance_uid)
    except StorageError as err:
        raise OutdatedError from err
    if series.version != arrival.version:
        raise OutdatedError
    return outcome_on_disk(series, storage.records)


def _settled(  # noqa: C901  (the life of a series moves to a module of its own)
    arrival: Arrival,
    run: DagsterRun | None,
    instance: dg.DagsterInstance,
    storage: StorageResource,
) -> Arrival:
    if arrival.state == "failed":
        return with_outcome(arrival, outcome_of(storage, arrival))
    if run is None:
        # It was requested, and Dagster stopped before it stored the request.
        return replace(arrival, requested_version="", attempts=arrival.attempts - 1)
    if not (run.is_finished or run.status == DagsterRunStatus.STARTED):
        return replace(arrival, state="admitted", sentence=f"run {run.run_id} is queued")
    outcome = outcome_of(storage, arrival)
    if not run.is_finished:
        if run.job_name == ich_backlog.name and outcome.state in _FINISHED:
            return with_outcome(arrival, outcome)
        return replace(arrival, state="running", sentence=f"in run {run.run_id}")
    failures = storage.records.failures
    subject = series_subject(arrival.series_instance_uid)
    why, by_check = _why(instance, run)
    if run.job_name == ich_series.name and run.status == DagsterRunStatus.FAILURE and by_check:
        failures.write(subject, CHECKS, IchError(why, code="CHECK_FAILED"))
        return with_outcome(arrival, outcome_of(storage, arrival))
    again = replace(arrival, state="admitted", requested_version="")
    if outcome.state in _FINISHED:
        moved = any(item.code in _MOMENTARY for item in outcome.not_scored)
        return again if moved and arrival.attempts < ATTEMPTS else with_outcome(arrival, outcome)
    if run.tags.get("dagster/will_retry") == "true":
        return replace(arrival, state="admitted", sentence=f"run {run.run_id} died and is repeated")
    if run.status == DagsterRunStatus.CANCELED:
        why = f"run {run.run_id} was cancelled"
    # Another series may have ended the backlog: this one runs again, in a run of its own.
    innocent = run.job_name == ich_backlog.name and run.status == DagsterRunStatus.FAILURE
    if (not why or innocent) and arrival.attempts < ATTEMPTS:
        return again
    error = IchError(why or f"its run ended {arrival.attempts} times without a result", code="RUN")
    failures.write(subject, "run", error)
    return with_outcome(arrival, outcome_of(storage, arrival))


def with_outcome(arrival: Arrival, outcome: SeriesOutcome) -> Arrival:
    """Return a series of the inbox with the state that its results on disk give it."""
    state = outcome.state
    if state == "waiting":
        return arrival
    sentence = arrival.sentence if state == "refused" else outcome.why
    return replace(
        arrival,
        state=state,
        failed=outcome.count("failed"),
        codes=_codes(outcome),
        sentence=sentence or f"{outcome.scored} slices scored",
    )


def _codes(outcome: SeriesOutcome) -> str:
    codes = [outcome.reasons, *(remark.partition(":")[0] for remark in outcome.remarks)]
    return ", ".join(code for code in codes if code)


def _why(instance: dg.DagsterInstance, run: DagsterRun) -> tuple[str, bool]:
    """Return the error of the step that failed, and whether it was a blocking check."""
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE):
        if entry.dagster_event is not None:
            error = entry.dagster_event.step_failure_data.error
            by_check = error is not None and error.cls_name == "DagsterAssetCheckFailedError"
            return failure_text(error), by_check
    return "", False


def new_partitions(
    instance: dg.DagsterInstance, partitions: str, series: Iterable[str]
) -> list[str]:
    """Return the series that are not a partition yet."""
    return [uid for uid in series if not instance.has_dynamic_partition(partitions, uid)]
