"""Runs that are jobs of SLURM, where SLURM and Dagster disagree about their state.

Dagster asks about the process of a run only after the run has started, and cannot terminate a run
that is starting. A job may die before Dagster begins in it, and may run on after its run was
cancelled.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from dagster import DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.launcher.base import WorkerStatus

from ich_assets.runtime.inner_runs import end_runs_inside
from ich_assets.runtime.slurm.tags import JOB_TAG

SECONDS_BETWEEN_TICKS = 20
LOOK_BACK = timedelta(days=1)
"""How long after the end of a cancelled run its job is looked for."""
_UNDER_WAY = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


@dg.sensor(
    minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def slurm_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """End the runs whose SLURM job has ended, and the jobs whose run was cancelled.

    Does nothing where runs are not jobs of SLURM (conf/dagster.slurm.yaml).
    """
    instance = context.instance
    if not instance.run_launcher.supports_check_run_worker_health:
        return dg.SkipReason("runs are not jobs of SLURM here")
    ended = end_dead_runs(instance)
    cancelled = cancel_jobs_of_cancelled_runs(instance)
    return dg.SkipReason(f"runs ended: {len(ended)}, jobs cancelled: {len(cancelled)}")


def _jobs(runs: Iterable[DagsterRun]) -> list[DagsterRun]:
    return [run for run in runs if JOB_TAG in run.tags]


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as ended whose job has ended, and the runs inside them; return their ids."""
    launcher, dead = instance.run_launcher, []
    for run in _jobs(instance.get_runs(RunsFilter(statuses=_UNDER_WAY))):
        health = launcher.check_run_worker_health(run)
        if health.status == WorkerStatus.RUNNING:
            continue
        # The run may have reported its end before its job ended: read it again.
        now = instance.get_run_by_id(run.run_id)
        if now is None or now.is_finished:
            continue
        message = "\n".join(filter(None, [health.msg, launcher.get_run_worker_debug_info(now)]))
        if now.status == DagsterRunStatus.CANCELING:
            instance.report_run_canceled(now, message)
        else:
            instance.report_run_failed(now, f"its job ended without reporting a result. {message}")
        dead.append(run.run_id)
    inside = end_runs_inside(
        instance, [DagsterRunStatus.STARTED], lambda outer: JOB_TAG in outer.tags
    )
    return dead + inside


def cancel_jobs_of_cancelled_runs(instance: dg.DagsterInstance) -> list[str]:
    """Cancel the jobs, waiting or stuck, whose run was cancelled; return the ids of the runs."""
    launcher: Any = instance.run_launcher
    since = datetime.now(UTC) - LOOK_BACK
    given_up = RunsFilter(statuses=[DagsterRunStatus.CANCELED], updated_after=since)
    runs = _jobs(instance.get_runs(given_up))
    if not runs:
        return []
    return [run.run_id for run in launcher.with_live_jobs(runs) if launcher.terminate(run.run_id)]
