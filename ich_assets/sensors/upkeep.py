"""What an index may lack that is new, was lost or is of an earlier version: results on disk."""

import time
from collections.abc import Sequence
from dataclasses import replace

import dagster as dg

from ich_assets.jobs.existing import unknown_results
from ich_assets.ledger import series_arrived
from ich_assets.sensors.settling import OutdatedError, outcome_of, result_facts
from ich_resources.arrivals import Arrival
from ich_resources.errors import StorageError
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.lifecycle import finished as after_result
from ich_resources.inbox.lifecycle import judged
from ich_resources.storage.ledger import found_series
from ich_resources.storage.ledger_index import inbox_series
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject


def restore(storage: StorageResource, index: InboxIndex) -> None:
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


def count_ended_runs(index: InboxIndex) -> None:
    """Let attempts count runs that ended. Version 0.1 counted requests, the last one included."""
    if index.get_note("attempts"):
        return
    counted = [a for a in index.arrivals("admitted", "running") if a.unsettled and a.attempts]
    index.upsert([replace(arrival, attempts=arrival.attempts - 1) for arrival in counted])
    index.set_note("attempts", "runs that ended")


def take_over(instance: dg.DagsterInstance, index: InboxIndex) -> None:
    """Report every finished series again where the Dagster instance is another than before."""
    name = str(instance.run_storage.get_run_storage_id())  # type: ignore[attr-defined]
    if index.get_note("instance") == name:
        return
    finished = index.arrivals("done", "incomplete")
    index.upsert([replace(arrival, state="admitted", requested_version="") for arrival in finished])
    index.set_note("instance", name)


def finished(storage: StorageResource, index: InboxIndex, most: int) -> list[Arrival]:
    """Return the due series that have a result already, at most so many.

    Parameters
    ----------
    storage : StorageResource
        Its records say what has a result.
    index : InboxIndex
        Names the due series.
    most : int
        Largest number of series.
    """
    found: list[Arrival] = []
    for arrival in index.arrivals("admitted"):
        subject = series_subject(arrival.series_instance_uid)
        if not arrival.due or storage.records.finished_at(subject) is None:
            continue
        try:
            outcome = outcome_of(storage, arrival)
        except OutdatedError:
            continue
        # An incomplete series with an attempt is due again: its files may be readable now.
        if outcome.state == "done" or (outcome.state == "incomplete" and not arrival.attempts):
            found.append(arrival)
        if len(found) >= most:
            break
    return found


def finished_before(
    instance: dg.DagsterInstance,
    storage: StorageResource,
    index: InboxIndex,
    finished: Sequence[Arrival],
) -> list[dg.AssetMaterialization]:
    """Report results that are on disk already: they need no run.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        Says which results Dagster knows already.
    storage : StorageResource
        The results.
    index : InboxIndex
        Takes the new state of each series.
    finished : sequence of Arrival
        From the function ``finished``.

    Returns
    -------
    list of dagster.AssetMaterialization
        Events for the sensor to report.
    """
    events: list[dg.AssetMaterialization] = []
    for arrival in finished:
        uid = arrival.series_instance_uid
        outcome = outcome_of(storage, arrival)
        done = after_result(arrival, result_facts(storage, outcome, None))
        index.upsert([replace(done, requested_version=arrival.version)])
        events.append(series_arrived(outcome.series))
        subject = series_subject(uid)
        events += unknown_results(instance, storage.layout, subject, uid, outcome.records)
    return events
