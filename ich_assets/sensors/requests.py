"""The runs that the sensor requests: late and small, the most urgent first."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from ich_assets.graph import ich_series
from ich_assets.jobs.backlog import ich_backlog
from ich_assets.runtime.places import gpu_places
from ich_assets.runtime.retries import NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import HANG_TAG, PRIORITY_TAG, REQUEST_TAG, SERIES_TAG
from ich_resources.arrivals import Arrival
from ich_resources.inbox.choice import DueSeries, Queue, Request, choose
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.lifecycle import requested
from ich_resources.inbox.pace import averaged, hang_limit
from ich_resources.inbox.priorities import priority_of
from ich_resources.inbox.resource import InboxResource
from ich_resources.plain_text import one_line
from ich_resources.storage.failures import UNCHECKED
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject

_MADE, _PACE = "requests made", "seconds per slice"
"""Notes of the index: number of requests that were ever made; seconds per slice."""
_NOT_STARTED = (DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED)
_OPEN = [
    *_NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


class Asked(NamedTuple):
    """The runs that a tick requests, and the new states of their series."""

    runs: list[dg.RunRequest]
    arrivals: list[Arrival]


def measure(index: InboxIndex, scored: Iterable[SeriesOutcome]) -> None:
    """Store how long a slice took in the series that were scored since the last tick."""
    before = pace = seconds_per_slice(index)
    for outcome in scored:
        seconds = sum(record.content.seconds for record in outcome.records.values())
        pace = averaged(pace, seconds, outcome.scored)
    if pace != before:
        index.set_note(_PACE, repr(pace))


def seconds_per_slice(index: InboxIndex) -> float:
    """Return how long a slice takes in this RUN_ROOT, in seconds; 0 where none was scored yet."""
    return float(index.get_note(_PACE) or 0)


def next_requests(
    instance: dg.DagsterInstance,
    inbox: InboxResource,
    index: InboxIndex,
    now: float,
    *,
    one_alone: bool = False,
) -> list[Request]:
    """Return which series are to be requested now.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        Its queue holds what was requested before: the sensor has no queue of its own.
    inbox : InboxResource
        The rules, and how much may be requested ahead.
    index : InboxIndex
        The series.
    now : float
        The time, in seconds since 1970.
    one_alone : bool
        Whether one run is to find out if a fault of the machine still stands.
    """
    due = [arrival for arrival in index.arrivals("admitted") if arrival.due]
    if not due:
        return []
    rules = inbox.rules
    known = [
        DueSeries(
            arrival.series_instance_uid,
            arrival.study_instance_uid,
            arrival.last_seen,
            arrival.admitted,
            priority_of(rules, index.rule_values(arrival.series_instance_uid)) if rules else 0,
            alone=arrival.attempts > 0,
        )
        for arrival in due
    ]
    runs = [r for r in instance.get_runs(RunsFilter(statuses=_OPEN)) if REQUEST_TAG in r.tags]
    ahead = inbox.ahead if inbox.ahead is not None else gpu_places(instance) + 1
    queue = Queue(
        unsettled=len(runs),
        queued=tuple(_priority(run.tags) for run in runs if run.status in _NOT_STARTED),
        ahead=1 if one_alone else ahead,
        made=int(index.get_note(_MADE) or 0),
        bite_seconds=inbox.bite_seconds,
        seconds_per_slice=seconds_per_slice(index),
    )
    return choose(known, queue, now)


def _priority(tags: Mapping[str, str]) -> int:
    try:
        return int(tags.get(PRIORITY_TAG, "0"))
    except ValueError:
        return 0  # somebody wrote it by hand


def request_runs(
    requests: Sequence[Request],
    inbox: InboxResource,
    index: InboxIndex,
    storage: StorageResource,
    run_config: Mapping[str, Any],
) -> Asked:
    """Store requests in the index, and return their runs.

    Parameters
    ----------
    requests : sequence of Request
        The series of each run, in order.
    inbox : InboxResource
        How long a series may take.
    index : InboxIndex
        The series.
    storage : StorageResource
        Their notes.
    run_config : mapping
        The run configuration of live operation. The sections ``inbox`` and ``send``
        are not for these runs.
    """
    resources = dict(run_config.get("resources", {}))
    resources.pop("inbox", None)
    resources.pop("send", None)
    asked = Asked([], [])
    for request in requests:
        request_id = uuid.uuid4().hex
        arrivals = [index.arrival(uid) for uid in request.series]
        found = [requested(arrival, request_id) for arrival in arrivals if arrival is not None]
        most = max(arrival.admitted for arrival in found)
        limit = hang_limit(most, seconds_per_slice(index), inbox.hang_seconds)
        tags = {
            REQUEST_TAG: request_id,
            PRIORITY_TAG: str(request.priority),
            HANG_TAG: f"{limit:.0f}",
            SERIES_TAG: _in_words(found),
            **NO_CRASH_RETRIES,  # the sensor itself asks again
        }
        config = {"resources": resources} if resources else {}
        asked.runs.append(_run(request, tags, config, storage))
        asked.arrivals.extend(found)
    if asked.arrivals:
        index.record_requests(asked.arrivals)
        index.set_note(_MADE, str(int(index.get_note(_MADE) or 0) + len(asked.runs)))
    return asked


def _in_words(series: Sequence[Arrival]) -> str:
    """Return what a run scores, for the list of runs."""
    if len(series) == 1:
        return one_line(series[0].description) or "1 series"
    studies = len({arrival.study_instance_uid for arrival in series})
    return f"{len(series)} series of {studies} " + ("study" if studies == 1 else "studies")


def _run(
    request: Request, tags: dict[str, str], run_config: dict[str, Any], storage: StorageResource
) -> dg.RunRequest:
    note = storage.records.failures.find(series_subject(request.series[0]))
    # Only a run of several series repeats the checks that a death may have prevented.
    unchecked = note is not None and note.step == UNCHECKED
    if len(request.series) == 1 and not unchecked:
        return dg.RunRequest(
            job_name=ich_series.name,
            partition_key=request.series[0],
            tags=tags,
            run_config=run_config,
        )
    ops = {"arrived_series": {"config": {"series": list(request.series)}}}
    return dg.RunRequest(
        job_name=ich_backlog.name, tags=tags, run_config={**run_config, "ops": ops}
    )


def new_partitions(
    instance: dg.DagsterInstance, partitions: str, series: Iterable[str]
) -> list[str]:
    """Return the series that are not a partition yet.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        Where the partitions are registered.
    partitions : str
        Name of the dynamic partitions.
    series : iterable of str
        SeriesInstanceUIDs.
    """
    return [uid for uid in series if not instance.has_dynamic_partition(partitions, uid)]
