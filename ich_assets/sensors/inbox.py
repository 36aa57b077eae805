"""dicom_inbox: studies that come into a folder become partitions and runs."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import dagster as dg

from ich_assets.graph import ich_series
from ich_assets.jobs.backlog import ich_backlog
from ich_assets.jobs.existing import unknown_results
from ich_assets.jobs.preflight import require_apart
from ich_assets.ledger import INBOX_LEDGER, series_arrived
from ich_assets.metadata import table_metadata
from ich_assets.partitions import SERIES
from ich_assets.runtime.dead_runs import fail_dead_runs
from ich_assets.sensors.arriving import as_judged, judge_complete_series, read_new_files
from ich_assets.sensors.live_config import configured, live_config
from ich_assets.sensors.requests import (
    OutdatedError,
    new_partitions,
    outcome_of,
    request_runs,
    settle,
    with_outcome,
)
from ich_resources.arrivals import Arrival
from ich_resources.dicom.resource import DicomResource
from ich_resources.digests import fingerprint
from ich_resources.environment import DICOM_INBOX
from ich_resources.errors import StorageError
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.resource import InboxResource
from ich_resources.series import Ledger, UnassignedFile
from ich_resources.storage.arrival_tables import inbox_table
from ich_resources.storage.files import locked, write_bytes
from ich_resources.storage.ledger import found_series, inbox_series, write_arrivals
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.slice_tables import csv_bytes

SECONDS_BETWEEN_TICKS = 10
SHOWN_COLUMNS = ("state", "files", "codes", "sentence", "description", "last_file", "series_id")
"""Columns of the table in Dagster, the most important first."""


@dg.sensor(
    jobs=[ich_series, ich_backlog],
    minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def dicom_inbox(
    context: dg.SensorEvaluationContext,
    inbox: InboxResource,
    dicom: DicomResource,
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
    storage = configured(storage, "storage", config)
    require_apart(storage.layout.run_root, inbox.folder)
    with locked(storage.layout.inbox_lock), inbox.index(storage.layout.inbox_index) as index:
        unassigned = _look(inbox, dicom, storage, index)
        index.upsert(settle(context.instance, index, storage))
        _take_over(context.instance, index)
        asked = [arrival for arrival in index.arrivals("admitted") if arrival.due]
        due, finished = _with_results(storage, index, asked[: inbox.series_per_tick])
        wanted = [a for a in due if a not in finished]
        events = [series_arrived(found_series(storage.layout, a.series_instance_uid)) for a in due]
        events += _finished_before(context.instance, storage, index, finished)
        requests, requested = request_runs(wanted, single_runs=inbox.single_runs, run_config=config)
        index.record_requests(requested)
        if index.changed:
            events += _report(storage, index, unassigned)
        partitions = new_partitions(
            context.instance, str(SERIES.name), [a.series_instance_uid for a in due]
        )
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else _summary(index),
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
    index.update_files(present, now)
    read_new_files(inbox, dicom, index)
    judged = judge_complete_series(inbox, dicom, storage, index, now)
    unassigned = dicom.unassigned_files(index.unassigned(), closed)
    reported = fingerprint({"strays": [[s.path, str(s.judgement.code)] for s in unassigned]})
    if index.get_note("strays") != reported:
        index.set_note("strays", reported)
    if judged or index.changed:
        ledger = Ledger(
            input_dirs=(str(inbox.folder),),
            series=tuple(item.series for item in judged if item.series is not None),
            unassigned=unassigned,
            files_seen=index.count(),
            files_not_dicom=index.count() - index.count("slice") - index.count("stray"),
        )
        write_arrivals(storage.layout, ledger, index.judged_series())
    # After the ledger: a series that is marked as judged is not looked at again.
    index.upsert([item.arrival for item in judged], judged=True)
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
        known.append(as_judged(arrival, series))
    index.upsert(known)
    index.set_note("restored", "yes")


def _take_over(instance: dg.DagsterInstance, index: InboxIndex) -> None:
    """Report every finished series again where the Dagster instance is another than before."""
    name = str(instance.run_storage.get_run_storage_id())  # type: ignore[attr-defined]
    if index.get_note("instance") == name:
        return
    finished = index.arrivals("done", "incomplete")
    index.upsert([replace(arrival, state="admitted", requested_version="") for arrival in finished])
    index.set_note("instance", name)


def _with_results(
    storage: StorageResource, index: InboxIndex, due: Sequence[Arrival]
) -> tuple[list[Arrival], list[Arrival]]:
    """Return the series that can be scored, and those of them that have been.

    A series whose ledger entry is damaged, or was overwritten by a scan, is judged again instead.
    """
    right, finished = [], []
    for arrival in due:
        try:
            outcome = outcome_of(storage, arrival)
        except OutdatedError:
            index.reopen([arrival.series_instance_uid])
            continue
        right.append(arrival)
        if outcome.state in ("done", "incomplete"):
            finished.append(arrival)
    return right, finished


def _finished_before(
    instance: dg.DagsterInstance,
    storage: StorageResource,
    index: InboxIndex,
    finished: Sequence[Arrival],
) -> list[dg.AssetMaterialization]:
    """Report results that are on disk already: they need no run."""
    events = []
    for arrival in finished:
        uid = arrival.series_instance_uid
        outcome = outcome_of(storage, arrival)
        index.upsert([replace(with_outcome(arrival, outcome), requested_version=arrival.version)])
        events += unknown_results(instance, storage, uid, outcome.records)
    return events


def _report(
    storage: StorageResource, index: InboxIndex, unassigned: Sequence[UnassignedFile]
) -> list[dg.AssetMaterialization]:
    """Write inbox_ledger.csv; return an event if a state or the number of files changed."""
    table = inbox_table(index.arrivals(), unassigned)
    path = storage.layout.output / "inbox_ledger.csv"
    write_bytes(path, csv_bytes(table))
    states = index.states()
    reported = fingerprint({"files": index.count(), "states": list(table["state"])})
    if reported == index.get_note("told"):
        return []
    index.set_note("told", reported)
    counts: dict[str, Any] = {f"series_{state}": number for state, number in states.items()}
    return [
        dg.AssetMaterialization(
            INBOX_LEDGER.key,
            metadata={
                **counts,
                "files": index.count(),
                "path": dg.MetadataValue.path(str(path)),
                "series": table_metadata(table[list(SHOWN_COLUMNS)]),
            },
        )
    ]


def _summary(index: InboxIndex) -> str:
    states = index.states()
    known = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    unread = index.count("unread")
    text = f"{sum(states.values())} series known" + (f" ({known})" if known else "")
    return text + (f"; {unread} files still to be read" if unread else "")
