"""The times of the series of the inbox: what a tick saw, and what runs and results say."""

from functools import cache

import dagster as dg
from dagster import RunsFilter

from ich_assets.runtime.run_tags import REQUEST_TAG
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.times import ENDED, Moments, phase_of, this_moment, times_after
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject


def keep_times(instance: dg.DagsterInstance, storage: StorageResource, index: InboxIndex) -> None:
    """Store the times of the series whose phase or version is another than at the last tick.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It says when a run began.
    storage : StorageResource
        It says when a result was on disk.
    index : InboxIndex
        The series.
    """

    @cache
    def started(request_id: str) -> float | None:
        runs = RunsFilter(tags={REQUEST_TAG: request_id})
        records = instance.get_run_records(runs, limit=1)
        return records[0].start_time if records else None

    now = this_moment()
    new = []
    for uid in index.untimed():
        arrival = index.arrival(uid)
        if arrival is None:
            continue
        phase, result = phase_of(arrival), None
        ended = phase in ENDED
        if ended:
            result = storage.records.finished_at(series_subject(uid))
        known = Moments(
            index.first_seen(uid),
            started(arrival.request_id)
            if arrival.request_id and (ended or phase == "running")
            else None,
            None if result is None else result.timestamp(),
        )
        new.append(times_after(index.times(uid).get(uid), arrival, known, now))
    if new:
        index.store_times(new)
