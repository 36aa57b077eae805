"""result_tables: the tables over series and the worklist never stand still."""

import time

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from ich_assets.current_tables import LARGEST_AGE, Current, is_live, others_under_way, write_current
from ich_assets.graph import ASSET_JOBS
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
_OPEN = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


@dg.sensor(
    job=ASSET_JOBS["ich_outputs"],
    minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def result_tables(
    context: dg.SensorEvaluationContext, storage: StorageResource, results: ResultsResource
) -> dg.SensorResult | dg.SkipReason:
    """Keep the tables over series and the worklist current; ask for those over slices in time.

    It acts where series have come into the inbox. It looks at each series that has changed on disk,
    whoever changed it: a run of the sensor dicom_inbox, a run by hand or a batch. The tables over
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
    asked, told = _times(context.cursor)
    requests, events, now = [], [], time.time()
    if _large_tables_are_due(context.instance, layout, current, asked, now):
        resources = {k: v for k, v in config.get("resources", {}).items() if k != "inbox"}
        requests = [dg.RunRequest(run_config={"resources": resources} if resources else {})]
        asked = now
    if current.rows and now - told >= _SECONDS_BETWEEN_EVENTS:
        events = [_event(current, layout)]
        told = now
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else _line(current),
        asset_events=events,
        cursor=f"{asked} {told}",
    )


def _times(cursor: str | None) -> tuple[float, float]:
    """Return when a run was last requested, and when the UI last got the ranking."""
    try:
        asked, told = map(float, (cursor or "").split())
    except ValueError:
        return 0.0, 0.0
    return asked, told


def _large_tables_are_due(
    instance: dg.DagsterInstance, layout: Layout, current: Current, asked: float, now: float
) -> bool:
    if not current.behind or current.left:
        return False
    old = now - max(asked, current.full_at) >= LARGEST_AGE
    # After a request that failed, or a clock that was set back, ten minutes are enough too.
    first = asked <= current.full_at or asked > now
    if not old and (not first or others_under_way(layout, ())):
        return False
    return not instance.get_runs_count(RunsFilter(job_name="ich_outputs", statuses=_OPEN))


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
