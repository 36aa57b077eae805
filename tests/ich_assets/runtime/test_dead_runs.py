"""A run whose process is gone is marked as failed; any other is left alone."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

import dagster as dg
import pytest
import yaml
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

from ich_assets.runtime import dead_runs
from ich_assets.runtime.dead_runs import fail_dead_runs, is_running
from ich_assets.runtime.run_tags import host_tag
from ich_assets.runtime.slurm.tags import JOB_TAG


@pytest.fixture
def process():
    running = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield running
    running.kill()
    running.wait()


def started(instance: dg.DagsterInstance, pid: int, tags: dict[str, str]) -> str:
    """Put a run into an instance that says it runs in a process."""
    run = dg.DagsterRun(job_name="ich_series", tags=tags, status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    instance.report_engine_event("runs", run, EngineEventData.in_process(pid))
    return run.run_id


def served(**server: object) -> dict[str, str]:
    """The tag that Dagster gives a run of "Materialize", which is not a job of ours."""
    return {".dagster/grpc_info": json.dumps(server)}


def test_a_process_lives_until_it_is_gone(process):
    assert is_running(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_running(process.pid)  # nobody has taken its status: a zombie
    process.wait()
    assert not is_running(process.pid)


def test_a_number_that_another_program_has_got_is_not_our_run():
    with subprocess.Popen(["sleep", "60"]) as other:
        assert not is_running(other.pid)
        other.kill()


def test_a_number_that_a_thread_has_got_is_not_our_run():
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert Path(f"/proc/{thread.native_id}/cmdline").read_bytes()
        assert not is_running(thread.native_id)
        assert is_running(os.getpid())
    finally:
        over.set()
        thread.join()


def test_only_runs_of_this_machine_whose_process_is_gone_fail(process):
    with dg.DagsterInstance.ephemeral() as instance:
        alive = started(instance, process.pid, host_tag())
        elsewhere = started(instance, 2**22 - 1, {"ich/host": "another"})
        on_a_node = started(instance, 2**22 - 1, {**host_tag(), JOB_TAG: "12"})
        by_a_server_elsewhere = started(instance, 2**22 - 1, served(host="code", port=4000))
        gone = started(instance, 2**22 - 1, host_tag())
        materialised = started(instance, 2**22 - 1, served(host="localhost", socket="/tmp/x"))
        assert set(fail_dead_runs(instance)) == {gone, materialised}
        for run_id in (gone, materialised):
            assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE
        for run_id in (alive, elsewhere, on_a_node, by_a_server_elsewhere):
            assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.STARTED
        assert fail_dead_runs(instance) == []


def test_a_run_whose_code_server_is_gone_before_it_began_fails(tmp_path, monkeypatch):
    """A socket file stays after a kill, and nobody listens on it."""
    with dg.DagsterInstance.ephemeral() as instance, socket.socket(socket.AF_UNIX) as server:
        for name in ("alive", "killed"):
            with socket.socket(socket.AF_UNIX) as each:
                (server if name == "alive" else each).bind(str(tmp_path / name))
        server.listen()
        runs = {
            name: starting(instance, served(host="localhost", socket=str(tmp_path / name)))
            for name in ("alive", "killed", "away")
        }
        runs["elsewhere"] = starting(instance, served(host="code", port=4000))
        assert fail_dead_runs(instance) == []  # their processes may just begin
        monkeypatch.setattr(dead_runs, "_START_S", 0.0)
        assert set(fail_dead_runs(instance)) == {runs["killed"], runs["away"]}
        found = {name: instance.get_run_by_id(run).status for name, run in runs.items()}
    ended, waits = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTING
    assert found == {"alive": waits, "killed": ended, "away": ended, "elsewhere": waits}


def starting(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    """Put a run into an instance that is launched, and whose process has said nothing yet."""
    run = dg.DagsterRun(job_name="ich_series", tags=tags, status=dg.DagsterRunStatus.STARTING)
    instance.add_run(run)
    return run.run_id


class RunsInContainers(DefaultRunLauncher):
    """Stands for a launcher of another package: it is told by its module."""


def test_the_process_of_a_container_is_not_looked_for_here(tmp_path, monkeypatch):
    home = {"run_launcher": {"module": __name__, "class": "RunsInContainers"}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(home))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[RunsInContainers.__module__])
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        run = started(instance, 2**22 - 1, host_tag())
        assert fail_dead_runs(instance) == []
        assert instance.get_run_by_id(run).status == dg.DagsterRunStatus.STARTED


class Asked(DefaultRunLauncher):
    """Stands for a launcher of containers, which knows the workers that are gone."""

    gone: ClassVar[dict[str, WorkerStatus]] = {}

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run):
        if self.gone.get(run.run_id) is WorkerStatus.UNKNOWN:
            raise OSError("the cluster does not answer")
        return CheckRunHealthResult(self.gone.get(run.run_id, WorkerStatus.RUNNING), "exit 137")


def test_a_launcher_of_containers_is_asked_for_the_runs_of_the_sensor_and_no_other(
    tmp_path, monkeypatch
):
    home = {"run_launcher": {"module": __name__, "class": "Asked"}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(home))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Asked.__module__])
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        gone, alive, unknown, by_hand = (
            started(instance, 1, tags)
            for tags in ({"ich/offer": "a"}, {"ich/offer": "b"}, {"ich/offer": "c"}, {})
        )
        inside = started(instance, 1, {"ich/batch": gone})
        inside_alive = started(instance, 1, {"ich/batch": alive})
        monkeypatch.setattr(
            Asked,
            "gone",
            {
                gone: WorkerStatus.FAILED,
                unknown: WorkerStatus.UNKNOWN,
                by_hand: WorkerStatus.NOT_FOUND,
                inside: WorkerStatus.NOT_FOUND,
                inside_alive: WorkerStatus.NOT_FOUND,
            },
        )
        assert fail_dead_runs(instance) == [gone, inside]
        assert fail_dead_runs(instance) == []
        for run_id in (alive, unknown, by_hand, inside_alive):
            assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.STARTED


def test_a_run_that_was_made_inside_a_dead_run_and_never_started_fails_with_it():
    with dg.DagsterInstance.ephemeral() as instance:
        outer = started(instance, 2**22 - 1, host_tag())
        inner = dg.DagsterRun(
            job_name="ich_series", tags={"ich/batch": outer}, status=dg.DagsterRunStatus.NOT_STARTED
        )
        other = dg.DagsterRun(job_name="ich_series", status=dg.DagsterRunStatus.NOT_STARTED)
        for run in (inner, other):
            instance.add_run(run)
        assert fail_dead_runs(instance) == [outer, inner.run_id]
        assert instance.get_run_by_id(other.run_id).status == dg.DagsterRunStatus.NOT_STARTED
