"""result_tables: the tables over series and the worklist never stand still."""

import time
from typing import NamedTuple

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from ich_assets.current_tables import LARGEST_AGE, Current, is_live, others_under_way, write_current
from ich_assets.graph import ASSET_JOBS, ich_series
from ich_assets.jobs.backlog import ich_backlog
from ich_assets.metadata import ranking_metadata
from ich_assets.outputs import run_outputs
from ich_assets.sensors.live_config import configured, live_config
from ich_assets.thresholds import flagging_of
from ich_resources.errors import IchError
from ich_resources.plain_text import one_line
from ich_resources.storage.layout import Layout
from ich_resources.storage.resource import ResultsResource, StorageResource

SECONDS_BETWEEN_TICKS = 10
_SECONDS_PER_TICK = 10.0
"""No row is begun after so much time; the others follow at the next tick."""
_SECONDS_BETWEEN_EVENTS = 300.0
"""The UI gets the ranking at most so often."""
_LARGE = ASSET_JOBS["ich_outputs"]
_SCORING = {ich_series.name, ich_backlog.name}
"""Jobs whose last run of a backlog writes the tables over slices itself."""
_OPEN = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


@dg.sensor(
    job=_LARGE,
    minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def result_tables(
    context: dg.SensorEvaluationContext, storage: StorageResource, results: ResultsResource
) -> dg.SensorResult | dg.SkipReason:
    """Keep the tables over series and the worklist current; ask for those over slices in time.

    It acts where series have come into the inbox. It looks at each series that has changed on disk.
    A run of the sensor dicom_inbox, a run by hand or a batch may have changed it. The tables over
    slices are written by a run of ich_outputs: once nothing is due or under way, and at least every
    10 minutes.
    """
    config = live_config()
    storage = configured(storage, "storage", config)
    try:
        layout = storage.layout
    except IchError as error:
        return dg.SkipReason(f"no run root: {error}")
    if not is_live(layout):
        return dg.SkipReason("no series came into an inbox yet: a batch writes its tables itself")
    results = configured(results, "results", config)
    current = write_current(layout, flagging_of(results), seconds=_SECONDS_PER_TICK)
    times = _Times.read(context.cursor)
    requests, events, now = [], [], time.time()
    since = max(times.behind_since or now, current.full_at) if current.behind else 0.0
    times = times._replace(behind_since=since)
    if _large_tables_are_due(context.instance, layout, current, times, now):
        resources = {k: v for k, v in config.get("resources", {}).items() if k != "inbox"}
        requests = [dg.RunRequest(run_config={"resources": resources} if resources else {})]
        times = times._replace(asked=now)
    if current.rows and now - times.told >= _SECONDS_BETWEEN_EVENTS:
        events = [_event(current, layout)]
        times = times._replace(told=now)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else _line(current),
        asset_events=events,
        cursor=" ".join(map(repr, times)),
    )


class _Times(NamedTuple):
    """The cursor of the sensor: times in seconds since 1970, 0 for never."""

    asked: float = 0.0
    """When a run was last requested."""
    told: float = 0.0
    """When the UI last got the ranking."""
    behind_since: float = 0.0
    """Since when the tables over slices are of an earlier state."""

    @classmethod
    def read(cls, cursor: str | None) -> "_Times":
        try:
            return cls(*map(float, (cursor or "").split()))
        except (TypeError, ValueError):
            return cls()


def _large_tables_are_due(
    instance: dg.DagsterInstance, layout: Layout, current: Current, times: _Times, now: float
) -> bool:
    if not current.behind or current.left:
        return False
    open_runs = {run.job_name for run in instance.get_runs(RunsFilter(statuses=_OPEN))}
    if _LARGE.name in open_runs:
        return False
    old = abs(now - max(times.asked, times.behind_since)) >= LARGEST_AGE  # a clock may be set back
    first = times.asked <= current.full_at  # else that run is under way, or has failed
    quiet = open_runs.isdisjoint(_SCORING) and not others_under_way(layout, ())
    return old or (first and quiet)


def _event(current: Current, layout: Layout) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        run_outputs.key,
        metadata={
            "ranking": ranking_metadata(current.rows),
            "worklist": dg.MetadataValue.path(str(layout.worklist)),
        },
    )


def _line(current: Current) -> str:
    """Return the line that Dagster shows for a tick without a request."""
    text = f"written: {len(current.rows)} series" if current.rows else "nothing new"
    if current.left:
        text += f"; {current.left} series are still to be read"
    for uid, why in current.unreadable.items():
        text += f"; series {uid}: {one_line(why)}"
    return text
