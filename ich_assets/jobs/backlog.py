"""ich_backlog: many series that came at once, in one run, so that the networks load once."""

import os
import time

import dagster as dg

from ich_assets.current_records import outcome
from ich_assets.current_tables import others_under_way
from ich_assets.jobs.existing import report_existing
from ich_assets.jobs.requirements import require_done
from ich_assets.jobs.runs import require_asset_job
from ich_assets.jobs.scoring import Progress, run_all
from ich_assets.jobs.steps_left import steps_to_run
from ich_assets.resources import SERIES_RESOURCES, SeriesResources
from ich_assets.runtime.retries import CRASH_RETRIES, GPU_POOL
from ich_assets.runtime.run_tags import REQUEST_TAG, host_tag
from ich_resources.storage.ledger import found_series

_WALLTIME_MARGIN = 1.5
"""A series is begun if so many times its expected time is left."""


class BacklogConfig(dg.Config):
    """The series to score, in their order."""

    series: list[str]


@dg.op(out=dg.Out(list, io_manager_key="memory"), required_resource_keys=SERIES_RESOURCES)
def arrived_series(context: dg.OpExecutionContext, config: BacklogConfig) -> list[str]:
    """Return the series with something left to do: a repeated run goes on where it died."""
    resources = SeriesResources.of(context)
    todo = []
    for uid in config.series:
        series = found_series(resources.storage.layout, uid)
        if steps_to_run(series, resources):
            todo.append(uid)
        else:  # a run finished it and died before it reported that
            report_existing(context, resources, series)
    context.log.info(f"Series that came: {len(config.series)}, with something to do: {len(todo)}")
    return todo


@dg.op(out=dg.Out(dg.Nothing), pool=GPU_POOL, required_resource_keys=SERIES_RESOURCES)
def run_arrived(context: dg.OpExecutionContext, todo: list[str]) -> None:
    """Run each series in this process; one that fails does not stop the others."""
    run_all(context, SeriesResources.of(context), todo, why_stop=_why_stop)


def _why_stop(progress: Progress) -> str:
    """Return why a run leaves its further series to another run; empty if it goes on."""
    if progress.fault:
        return progress.fault
    end = os.environ.get("SLURM_JOB_END_TIME", "")
    if not end.isdecimal() or not progress.slices:
        return ""
    seconds = progress.next_slices * progress.seconds / progress.slices
    if time.time() + _WALLTIME_MARGIN * seconds < int(end):
        return ""
    return "the walltime of its SLURM job does not suffice for the next series"


@dg.op(
    ins={"all_series": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    required_resource_keys=SERIES_RESOURCES,
)
def write_tables(context: dg.OpExecutionContext, todo: list[str]) -> None:
    """Write all tables if no other series is due; fail if a series of this run is not done."""
    resources = SeriesResources.of(context)
    layout = resources.storage.layout
    if REQUEST_TAG not in context.run.tags or not others_under_way(layout, todo):
        require_asset_job(context, resources, "ich_outputs")
    require_done([outcome(found_series(layout, uid), resources) for uid in todo])


# All steps: the list of series is lost with the process that died.
@dg.job(
    executor_def=dg.in_process_executor,
    tags={**host_tag(), **CRASH_RETRIES, "dagster/retry_strategy": "ALL_STEPS"},
)
def ich_backlog() -> None:
    """Score the series that the sensor names, in one process, and write the tables."""
    todo = arrived_series()
    write_tables(todo, all_series=run_arrived(todo))
