"""Runs whose process ended without reporting a result: a power cut, a kill, no memory.

Dagster's own monitoring does not see local processes. Without this module such a run stays started,
keeps its place in the pool, and is never repeated.
"""

import json
import socket
import time
from pathlib import Path

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus, RunsFilter
from dagster._core.launcher.base import WorkerStatus

from ich_assets.runtime.inner_runs import end_runs_inside
from ich_assets.runtime.run_tags import HOST_TAG, REQUEST_TAG
from ich_assets.runtime.slurm.tags import JOB_TAG

_NOT_STARTED = [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING]
_UNDER_WAY = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
_SERVER_TAG = ".dagster/grpc_info"
"""Run tag of Dagster: the code server that started the process of the run."""
_START_S = 60.0
"""How long the process of a run may take to begin after its code server is gone."""
_LOCAL_LAUNCHERS = ("dagster", "ich_assets")
"""Packages of launchers whose runs are processes here, or carry the tag of a SLURM job. With other
launchers a run may be in a container or on another machine, though its host tag was made here."""


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed whose process is gone, and the runs inside them; return their ids."""
    if type(instance.run_launcher).__module__.partition(".")[0] in _LOCAL_LAUNCHERS:
        # A run that was started is judged by its process, which may go on after a termination.
        dead = _fail_dead_processes(instance) + _fail_orphans(instance)
        return dead + end_runs_inside(instance, _NOT_STARTED, _is_of_this_machine)
    if not instance.run_launcher.supports_check_run_worker_health:
        return []
    return _fail_dead_workers(instance) + end_runs_inside(
        instance, [*_NOT_STARTED, DagsterRunStatus.STARTED], _is_requested
    )


def _is_requested(run: dg.DagsterRun) -> bool:
    return REQUEST_TAG in run.tags


def _fail_dead_workers(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs of the sensor as failed whose container or pod is gone, as the launcher says.

    Dagster's own monitoring stays off with such launchers. It would ask for the worker of a run
    inside another run too, and that never had one.
    """
    dead = []
    for run in instance.get_runs(RunsFilter(statuses=_UNDER_WAY)):
        if not _is_requested(run):
            continue
        try:
            health = instance.run_launcher.check_run_worker_health(run)
        except Exception:  # noqa: BLE001, S112  (the next tick asks again)
            continue
        if health.status not in (WorkerStatus.FAILED, WorkerStatus.NOT_FOUND):
            continue
        now = instance.get_run_by_id(run.run_id)
        if now is not None and now.status in _UNDER_WAY:
            why = f"its worker is gone: {health.msg or health.status.value}"
            instance.report_run_failed(now, why)
            dead.append(run.run_id)
    return dead


def _fail_dead_processes(instance: dg.DagsterInstance) -> list[str]:
    dead: list[str] = []
    for run in instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTED])):
        if not _is_of_this_machine(run):
            continue
        pid = _pid(instance, run.run_id)
        if pid is None or is_running(pid):
            continue
        # It may have ended well meanwhile. A process that is gone reports nothing more.
        now = instance.get_run_by_id(run.run_id)
        if now is not None and now.status == DagsterRunStatus.STARTED:
            instance.report_run_failed(
                now, f"its process (pid {pid}) ended without reporting a result"
            )
            dead.append(run.run_id)
    return dead


def _fail_orphans(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed that were to start when their code server was killed.

    Otherwise such a run keeps its place in the pool for the 300 s of Dagster's own monitoring.
    """
    dead: list[str] = []
    for record in instance.get_run_records(RunsFilter(statuses=[DagsterRunStatus.STARTING])):
        run = record.dagster_run
        seconds = time.time() - record.update_timestamp.timestamp()
        if not _is_of_this_machine(run) or seconds < _START_S or not _is_server_gone(run):
            continue
        now = instance.get_run_by_id(run.run_id)
        if now is not None and now.status == DagsterRunStatus.STARTING:
            instance.report_run_failed(
                now, "its process did not begin: the code server that was to start it is gone"
            )
            dead.append(run.run_id)
    return dead


def _is_server_gone(run: dg.DagsterRun) -> bool:
    """Return whether nothing listens on the socket of the code server that was to start a run."""
    path = json.loads(run.tags.get(_SERVER_TAG, "{}")).get("socket")
    if not path:
        return False  # it has a port, on which the next server listens too
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(path)
        except OSError:
            return True
    return False


def _is_of_this_machine(run: dg.DagsterRun) -> bool:
    if JOB_TAG in run.tags:
        return False  # its process is on another machine than the one that made the tag
    if HOST_TAG in run.tags:
        return run.tags[HOST_TAG] == socket.gethostname()
    # A run of "Materialize" in the UI has no job of ours, so it lacks the tag. A code server
    # started its process. A code server that listens on a socket is on this machine.
    server = json.loads(run.tags.get(_SERVER_TAG, "{}"))
    return bool(server.get("socket"))


def _pid(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """Return the id of the process that executes a run, None where no event names it."""
    pids = [
        int(str(entry.dagster_event.engine_event_data.metadata["pid"].value))
        for entry in instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
        if entry.dagster_event is not None
        and "pid" in entry.dagster_event.engine_event_data.metadata
    ]
    return pids[-1] if pids else None


def is_running(pid: int) -> bool:
    """Return whether a process runs and is a Python process, which may be a run.

    The system gives the id of an ended process to another process, or to a thread of one, later.
    The start time does not help: a clock that is set would then fail every run.

    Parameters
    ----------
    pid : int
        Process id on this machine.
    """
    process = Path(f"/proc/{pid}")
    if not Path("/proc/self/stat").exists():
        return True  # not Linux: unknown
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        command = (process / "cmdline").read_bytes()
        status = (process / "status").read_text().split()
    except OSError:
        return False
    if status[status.index("Tgid:") + 1] != str(pid):
        return False  # a thread; proc(5) shows its process under its id too
    return state != "Z" and (b"python" in command or b"dagster" in command)
