"""A run whose process is gone is marked as failed; any other is left alone."""

import json
import os
import subprocess
import sys

import dagster as dg
import pytest
import yaml
from dagster._core.events import EngineEventData
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

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
    """The tag that Dagster gives a run of "Materialize", which is no job of ours."""
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
