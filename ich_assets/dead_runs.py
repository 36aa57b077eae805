"""Runs whose process is gone, and said nothing: a power cut, a kill, no memory.

Dagster's own monitoring cannot tell with runs in local processes; such a run would stand as started
for ever, hold its place in the pool, and never be repeated.
"""

import os
import socket
from pathlib import Path

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus, RunsFilter

HOST_TAG = "ich/host"
"""Run tag: the machine (or container) that its process lives on."""
_SLACK = 5.0
"""Seconds that a clock may be off."""


def host_tag() -> dict[str, str]:
    """Return the run tag of this machine."""
    return {HOST_TAG: socket.gethostname()}


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark the started runs of this machine as failed whose process is gone; return their ids."""
    started = RunsFilter(statuses=[DagsterRunStatus.STARTED], tags=host_tag())
    dead = []
    for record in instance.get_run_records(started):
        run = record.dagster_run
        pid = _pid(instance, run.run_id)
        if pid and not lives(pid, since=record.start_time or record.create_timestamp.timestamp()):
            instance.report_run_failed(run, f"its process ({pid}) is gone, and said nothing")
            dead.append(run.run_id)
    return dead


def _pid(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """Return the process that executes a run, None where nothing tells."""
    pids = [
        int(str(entry.dagster_event.engine_event_data.metadata["pid"].value))
        for entry in instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
        if entry.dagster_event is not None
        and "pid" in entry.dagster_event.engine_event_data.metadata
    ]
    return pids[-1] if pids else None


def lives(pid: int, *, since: float) -> bool:
    """Return whether a process lives that was there at a time already.

    Parameters
    ----------
    pid : int
        Its number, which another process may have got since.
    since : float
        Seconds since 1970.
    """
    if not Path("/proc/self/stat").exists():
        return True  # no Linux: nothing can be told
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    boot = next(
        float(line.split()[1])
        for line in Path("/proc/stat").read_text().splitlines()
        if line.startswith("btime")
    )
    began = boot + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return fields[0] != "Z" and began < since + _SLACK
