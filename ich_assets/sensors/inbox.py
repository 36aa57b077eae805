"""dicom_inbox: studies that come into a folder become partitions and runs."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace

import dagster as dg

from ich_assets.graph import ich_series
from ich_assets.jobs.backlog import ich_backlog
from ich_assets.jobs.existing import unknown_results
from ich_assets.jobs.preflight import require_apart
from ich_assets.ledger import series_arrived
from ich_assets.partitions import SERIES
from ich_assets.runtime.dead_runs import fail_dead_runs
from ich_assets.sensors.arriving import judge_complete_series, read_new_files
from ich_assets.sensors.causes import keep_cause, seen_fault, standing_cause
from ich_assets.sensors.live_config import configured, live_config
from ich_assets.sensors.reporting import report, summary
from ich_assets.sensors.requests import new_partitions, request_runs
from ich_assets.sensors.settling import (
    OutdatedError,
    Settling,
    forget_machine_fault,
    outcome_of,
    result_facts,
)
from ich_resources.arrivals import Arrival, Cause
from ich_resources.dicom.resource import DicomResource
from ich_resources.digests import fingerprint
from ich_resources.environment import DICOM_INBOX
from ich_resources.errors import StorageError
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.lifecycle import cause_after, cause_seen, judged, seconds_to_wait
from ich_resources.inbox.lifecycle import finished as after_result
from ich_resources.inbox.resource import InboxResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.series import Ledger, UnassignedFile
from ich_resources.storage.files import locked
from ich_resources.storage.ledger import found_series, inbox_series, write_arrivals
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject

SECONDS_BETWEEN_TICKS = 10


@dg.sensor(
    jobs=[ich_series, ich_backlog],
    minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def dicom_inbox(
    context: dg.SensorEvaluationContext,
    inbox: InboxResource,
    dicom: DicomResource,
    networks: NetworksResource,
    storage: StorageResource,
) -> dg.SensorResult | dg.SkipReason:
    """Watch DICOM_INBOX: a complete series becomes a partition and a run.

    A series is complete when no file of it came for quiet_seconds, or when its folder holds a file
    .done. A late or changed slice makes a new version and one more run. The same files again make
    no run. Nothing in the inbox is moved, renamed or deleted. inbox_ledger lists every series.
    """
    fail_dead_runs(context.instance)  # they keep places in the pool, with or without an inbox
    if not inbox.inbox_dir and not os.environ.get(DICOM_INBOX, "").strip():
        return dg.SkipReason("no inbox: the environment variable DICOM_INBOX is not set")
    config = live_config()
    inbox = configured(inbox, "inbox", config)
    dicom = configured(dicom, "dicom", config)
    networks = configured(networks, "networks", config)
    storage = configured(storage, "storage", config)
    require_apart(storage.layout.run_root, inbox.folder)
    with locked(storage.layout.inbox_lock), inbox.index(storage.layout.inbox_index) as index:
        unassigned = _look(inbox, dicom, storage, index)
        cause = _settle(context.instance, networks, storage, index)
        _take_over(context.instance, index)
        finished = _finished(storage, index, inbox.series_per_tick)
        events = _finished_before(context.instance, storage, index, finished)
        due = [arrival for arrival in index.arrivals("admitted") if arrival.due]
        due = due[: inbox.series_per_tick]
        due = [] if seconds_to_wait(cause, time.time()) else _right(storage, index, due)
        events += [series_arrived(found_series(storage.layout, a.series_instance_uid)) for a in due]
        for arrival in due:
            forget_machine_fault(storage, arrival)
        requests, requested = request_runs(due, single_runs=inbox.single_runs, run_config=config)
        index.record_requests(requested)
        if index.changed:
            events += report(storage, index, unassigned, cause)
        partitions = new_partitions(
            context.instance,
            str(SERIES.name),
            [a.series_instance_uid for a in (*finished, *due)],
        )
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else summary(index, cause),
            dynamic_partitions_requests=[SERIES.build_add_request(partitions)]
            if partitions
            else [],
            asset_events=events,
        )


def _look(
    inbox: InboxResource, dicom: DicomResource, storage: StorageResource, index: InboxIndex
) -> tuple[UnassignedFile, ...]:
    """Update the index, and the ledger on disk, from the inbox; return the files in no series."""
    now = time.time()
    present, closed = inbox.list_files()
    if index.get_note("folder") != str(inbox.folder):
        index.reopen()  # the paths in the ledger are relative to it
        index.set_note("folder", str(inbox.folder))
    _restore(storage, index)
    _count_ended_runs(index)
    index.update_files(present, now)
    read_new_files(inbox, dicom, index)
    complete = judge_complete_series(inbox, dicom, storage, index, now)
    unassigned = dicom.unassigned_files(index.unassigned(), closed)
    reported = fingerprint({"strays": [[s.path, str(s.judgement.code)] for s in unassigned]})
    if index.get_note("strays") != reported:
        index.set_note("strays", reported)
    if complete or index.changed:
        ledger = Ledger(
            input_dirs=(str(inbox.folder),),
            series=tuple(item.series for item in complete if item.series is not None),
            unassigned=unassigned,
            files_seen=index.count(),
            files_not_dicom=index.count() - index.count("slice") - index.count("stray"),
        )
        write_arrivals(storage.layout, ledger, index.judged_series())
    # After the ledger: a series that is marked as judged is not looked at again.
    index.upsert([item.arrival for item in complete], judged=True)
    return unassigned


def _restore(storage: StorageResource, index: InboxIndex) -> None:
    """Fill an index that was lost with the series of the ledger on disk."""
    if index.get_note("restored"):
        return
    known = []
    for uid in inbox_series(storage.layout):
        try:
            series = found_series(storage.layout, uid)
        except StorageError:
            continue  # its files will be judged again
        files, now = len(series.slices), time.time()
        arrival = Arrival(uid, series.study_instance_uid, files=files, last_seen=now)
        known.append(judged(arrival, series))
    index.upsert(known)
    index.set_note("restored", "yes")


def _count_ended_runs(index: InboxIndex) -> None:
    """Let attempts count runs that ended. Version 0.1 counted requests, the last one included."""
    if index.get_note("attempts"):
        return
    counted = [a for a in index.arrivals("admitted", "running") if a.unsettled and a.attempts]
    index.upsert([replace(arrival, attempts=arrival.attempts - 1) for arrival in counted])
    index.set_note("attempts", "runs that ended")


def _take_over(instance: dg.DagsterInstance, index: InboxIndex) -> None:
    """Report every finished series again where the Dagster instance is another than before."""
    name = str(instance.run_storage.get_run_storage_id())  # type: ignore[attr-defined]
    if index.get_note("instance") == name:
        return
    finished = index.arrivals("done", "incomplete")
    index.upsert([replace(arrival, state="admitted", requested_version="") for arrival in finished])
    index.set_note("instance", name)


def _settle(
    instance: dg.DagsterInstance,
    networks: NetworksResource,
    storage: StorageResource,
    index: InboxIndex,
) -> Cause | None:
    """Store what became of the runs; return the fault of the machine that stands."""
    settling = Settling(instance, index, storage)
    settling.settle()
    cause, now = standing_cause(index), time.time()
    cause = cause_after(cause, settling.faults, progress=settling.progress, now=now)
    cause = cause_seen(cause, seen_fault(networks, storage), now)
    keep_cause(index, cause)
    return cause


def _finished(storage: StorageResource, index: InboxIndex, most: int) -> list[Arrival]:
    """Return the due series that have a result already, at most so many."""
    found: list[Arrival] = []
    for arrival in index.arrivals("admitted"):
        subject = series_subject(arrival.series_instance_uid)
        if not arrival.due or storage.records.finished_at(subject) is None:
            continue
        try:
            outcome = outcome_of(storage, arrival)
        except OutdatedError:
            continue
        if outcome.state in ("done", "incomplete"):
            found.append(arrival)
        if len(found) >= most:
            break
    return found


def _right(storage: StorageResource, index: InboxIndex, due: Sequence[Arrival]) -> list[Arrival]:
    """Return the series whose entry on disk is right; the others are judged again.

    An entry may be damaged, or a scan may have overwritten it.
    """
    right = []
    for arrival in due:
        try:
            outcome_of(storage, arrival)
        except OutdatedError:
            index.reopen([arrival.series_instance_uid])
        else:
            right.append(arrival)
    return right


def _finished_before(
    instance: dg.DagsterInstance,
    storage: StorageResource,
    index: InboxIndex,
    finished: Sequence[Arrival],
) -> list[dg.AssetMaterialization]:
    """Report results that are on disk already: they need no run."""
    events: list[dg.AssetMaterialization] = []
    for arrival in finished:
        uid = arrival.series_instance_uid
        outcome = outcome_of(storage, arrival)
        done = after_result(arrival, result_facts(storage, outcome, None))
        index.upsert([replace(done, requested_version=arrival.version)])
        events.append(series_arrived(outcome.series))
        events += unknown_results(instance, storage, uid, outcome.records)
    return events
