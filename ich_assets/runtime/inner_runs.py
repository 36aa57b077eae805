"""Runs inside a run that has ended: their process reports nothing more."""

from collections.abc import Callable, Sequence

import dagster as dg
from dagster import DagsterRun, DagsterRunStatus, RunsFilter

from ich_assets.runtime.run_tags import BATCH_TAG


def end_runs_inside(
    instance: dg.DagsterInstance,
    statuses: Sequence[DagsterRunStatus],
    is_ours: Callable[[DagsterRun], bool],
) -> list[str]:
    """Mark the runs inside finished runs as failed; return their ids.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It holds the runs.
    statuses : sequence of DagsterRunStatus
        Only inner runs in one of these.
    is_ours : callable
        Only inside outer runs for which it is true.
    """
    ended = []
    for run in instance.get_runs(RunsFilter(statuses=list(statuses))):
        outer = instance.get_run_by_id(run.tags.get(BATCH_TAG, ""))
        # A run that somebody executes again in the UI has the tags of the first, and lives alone.
        again = run.parent_run_id is not None
        if again or outer is None or not outer.is_finished or not is_ours(outer):
            continue
        instance.report_run_failed(run, f"the run {outer.run_id} that it was part of has ended")
        ended.append(run.run_id)
    return ended
