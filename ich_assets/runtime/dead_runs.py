"""Runs whose process is gone, and said nothing: a power cut, a kill, no memory.

Dagster's own monitoring cannot tell with runs in local processes; such a run would stand as started
for ever, hold its place in the pool, and never be repeated.
"""

import json
import socket
from pathlib import Path

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus, RunsFilter

from ich_assets.runtime.run_tags import HOST_TAG
from ich_assets.runtime.slurm.tags import JOB_TAG

_SERVER_TAG = ".dagster/grpc_info"
"""Run tag of Dagster's own: the code server that has started its process."""
_LOCAL_LAUNCHERS = ("dagster", "ich_assets")
"""Packages of launchers whose runs are processes here, or carry the tag of a job. With others a run
may live in a container or on another machine, though the tag of its job was made here."""


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark the started runs of this machine as failed whose process is gone; return their ids."""
    dead: list[str] = []
    if type(instance.run_launcher).__module__.partition(".")[0] not in _LOCAL_LAUNCHERS:
        return dead
    for run in instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTED])):
        if not _is_of_this_machine(run):
            continue
        pid = _pid(instance, run.run_id)
        if pid is None or is_running(pid):
            continue
        # It may have ended well since we asked; nothing more can come from a process that is gone.
        now = instance.get_run_by_id(run.run_id)
        if now is not None and now.status == DagsterRunStatus.STARTED:
            instance.report_run_failed(now, f"its process ({pid}) is gone, and said nothing")
            dead.append(run.run_id)
    return dead


def _is_of_this_machine(run: dg.DagsterRun) -> bool:
    if JOB_TAG in run.tags:
        return False  # its process lives on another machine than the tag of its job says
    if HOST_TAG in run.tags:
        return run.tags[HOST_TAG] == socket.gethostname()
    # "Materialize" in the UI has no job of ours to carry the tag: its process was started by a code
    # server, and one that listens on a socket is here.
    server = json.loads(run.tags.get(_SERVER_TAG, "{}"))
    return bool(server.get("socket"))


def _pid(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """Return the process that executes a run, None where nothing tells."""
    pids = [
        int(str(entry.dagster_event.engine_event_data.metadata["pid"].value))
        for entry in instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
        if entry.dagster_event is not None
        and "pid" in entry.dagster_event.engine_event_data.metadata
    ]
    return pids[-1] if pids else None


def is_running(pid: int) -> bool:
    """Return whether a process lives, and is a Python that may be ours.

    A number is given to another process sooner or later; its start time is no help, since a clock
    that is set would then fail every run.
    """
    process = Path(f"/proc/{pid}")
    if not Path("/proc/self/stat").exists():
        return True  # no Linux: nothing can be told
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        command = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return state != "Z" and (b"python" in command or b"dagster" in command)
