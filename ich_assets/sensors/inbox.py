"""dicom_inbox: studies that come into a folder become partitions and runs."""

import time
from typing import Any

import dagster as dg

from ich_assets.graph import ich_series
from ich_assets.jobs.backlog import ich_backlog
from ich_assets.jobs.preflight import require_apart
from ich_assets.ledger import series_arrived
from ich_assets.partitions import SERIES
from ich_assets.runtime.compact import compact_runs, compact_runs_inside
from ich_assets.runtime.dead_runs import fail_dead_runs
from ich_assets.sensors.arriving import judge_complete_series, read_new_files
from ich_assets.sensors.causes import keep_cause, seen_fault, standing_cause
from ich_assets.sensors.live_config import configured, live_config
from ich_assets.sensors.reporting import is_overdue, report, summary
from ich_assets.sensors.requests import Asked, measure, new_partitions, next_requests, request_runs
from ich_assets.sensors.settling import OutdatedError, Settling, forget_machine_fault, outcome_of
from ich_assets.sensors.timing import keep_times
from ich_assets.sensors.upkeep import (
    count_ended_runs,
    finished,
    finished_before,
    restore,
    take_over,
)
from ich_resources.arrivals import Cause
from ich_resources.dicom.resource import DicomResource
from ich_resources.digests import fingerprint
from ich_resources.environment import DICOM_INBOX, read_variable
from ich_resources.inbox.choice import Request, primary_first
from ich_resources.inbox.faults import cause_after, cause_seen, seconds_to_wait
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.resource import InboxResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.series import Ledger, UnassignedFile
from ich_resources.storage.files import locked, write_json
from ich_resources.storage.ledger import found_series, write_arrivals
from ich_resources.storage.resource import StorageResource

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
    if not inbox.inbox_dir and not read_variable(DICOM_INBOX):
        return dg.SkipReason("no inbox: the environment variable DICOM_INBOX is not set")
    config = live_config()
    inbox = configured(inbox, "inbox", config)
    dicom = configured(dicom, "dicom", config)
    networks = configured(networks, "networks", config)
    storage = configured(storage, "storage", config)
    require_apart(storage.layout.run_root, inbox.folder)
    with locked(storage.layout.inbox_lock), inbox.index(storage.layout.inbox_index) as index:
        unassigned = _look(inbox, dicom, storage, index)
        cause = _settle(context.instance, inbox, networks, storage, index)
        take_over(context.instance, index)
        ready = finished(storage, index, inbox.series_per_tick)
        events = finished_before(context.instance, storage, index, ready)
        asked = _request(context.instance, inbox, storage, index, cause, config)
        series = [arrival.series_instance_uid for arrival in (*ready, *asked.arrivals)]
        events += [
            series_arrived(found_series(storage.layout, arrival.series_instance_uid))
            for arrival in asked.arrivals
        ]
        keep_times(context.instance, storage, index)
        if index.changed or is_overdue(index):
            events += report(storage, index, unassigned, cause)
        write_json(storage.layout.inbox_tick, {"ended": time.time()})
        partitions = new_partitions(context.instance, str(SERIES.name), series)
        return dg.SensorResult(
            run_requests=asked.runs,
            skip_reason=None if asked.runs else summary(index, cause),
            dynamic_partitions_requests=[SERIES.build_add_request(partitions)]
            if partitions
            else [],
            asset_events=events,
        )


def _look(
    inbox: InboxResource, dicom: DicomResource, storage: StorageResource, index: InboxIndex
) -> tuple[UnassignedFile, ...]:
    """Update the index, and the ledger on disk, from the inbox; return the files in no series."""
    from ich_resources.dicom.piecewise import unassigned_kept

    now = time.time()
    present, closed = inbox.list_files()
    if index.get_note("folder") != str(inbox.folder):
        index.reopen()  # the paths in the ledger are relative to it
        index.set_note("folder", str(inbox.folder))
    restore(storage, index)
    count_ended_runs(index)
    index.update_files(present, now)
    read_new_files(inbox, dicom, index)
    complete = judge_complete_series(inbox, dicom, storage, index, now)
    unassigned = unassigned_kept(index.unassigned(), closed)
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


def _settle(
    instance: dg.DagsterInstance,
    inbox: InboxResource,
    networks: NetworksResource,
    storage: StorageResource,
    index: InboxIndex,
) -> Cause | None:
    """Store what became of the runs; return the fault of the machine that stands."""
    settling = Settling(instance, index, storage)
    settling.settle()
    compact_runs(instance, settling.ended)
    for run_id in settling.ended:
        compact_runs_inside(instance, run_id)
    measure(index, settling.scored)
    cause, now = standing_cause(index), time.time()
    cause = cause_after(cause, settling.faults, progress=settling.progress, now=now)
    cause = cause_seen(cause, seen_fault(inbox, networks, storage), now)
    keep_cause(index, cause)
    return cause


def _request(
    instance: dg.DagsterInstance,
    inbox: InboxResource,
    storage: StorageResource,
    index: InboxIndex,
    cause: Cause | None,
    config: dict[str, Any],
) -> Asked:
    """Request runs for what is due, unless a fault of the machine stands."""
    now = time.time()
    if seconds_to_wait(cause, now):
        return Asked([], [])
    requests = next_requests(instance, inbox, index, now, one_alone=cause is not None)
    right = [_with_right_entries(request, storage, index) for request in requests]
    return request_runs([r for r in right if r.series], inbox, index, storage, config)


def _with_right_entries(request: Request, storage: StorageResource, index: InboxIndex) -> Request:
    """Return a request with the primary of each study first, without series to be judged again.

    The entry of a series on disk may be damaged, or a scan may have overwritten it.
    """
    found = []
    for uid in request.series:
        arrival = index.arrival(uid)
        if arrival is None:
            continue
        try:
            found.append(outcome_of(storage, arrival).series)
        except OutdatedError:
            index.reopen([uid])
        else:
            forget_machine_fault(storage, arrival)
    return request._replace(series=primary_first(found))
