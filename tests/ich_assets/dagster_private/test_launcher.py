"""The launcher of SLURM, the arguments of a worker, and the manager of logs."""

import inspect
from importlib import import_module
from pathlib import Path

import dagster as dg
import pytest
import yaml
from live import ROOT


def test_the_base_of_a_launcher():
    """``runtime/slurm/launcher.py`` derives from it."""
    from dagster._core.launcher.base import (
        CheckRunHealthResult,
        LaunchRunContext,
        RunLauncher,
        WorkerStatus,
    )

    assert RunLauncher.__abstractmethods__ == {"launch_run", "terminate"}
    for name in ("supports_check_run_worker_health", "get_run_worker_debug_info"):
        assert hasattr(RunLauncher, name)
    assert list(inspect.signature(RunLauncher.check_run_worker_health).parameters) == [
        "self",
        "run",
    ]
    assert {"RUNNING", "SUCCESS", "FAILED"} <= set(WorkerStatus.__members__)
    result = CheckRunHealthResult(WorkerStatus.RUNNING, "text", run_worker_id="7")
    assert (result.status, result.msg, result.run_worker_id) == (WorkerStatus.RUNNING, "text", "7")
    assert {"dagster_run", "workspace"} <= set(LaunchRunContext._fields)
    assert isinstance(LaunchRunContext.job_code_origin, property)


def test_the_arguments_of_a_worker(home):
    """``runtime/slurm/launcher.py`` puts them into a job; the first of them is the program."""
    from dagster._grpc.types import ExecuteRunArgs
    from dagster_shared.serdes import deserialize_value

    job = dg.reconstructable(_a_job).get_python_origin()
    worker = ExecuteRunArgs(
        job_origin=job, run_id="1", instance_ref=home.get_ref(), set_exit_code_on_failure=True
    )
    words = worker.get_command_args()
    assert [Path(words[0]).name, *words[1:3]] == ["dagster", "api", "execute_run"]
    assert len(words) == 4
    assert deserialize_value(words[3], ExecuteRunArgs).run_id == "1"


def _a_job() -> dg.JobDefinition:
    @dg.job
    def empty() -> None:
        """Does nothing."""

    return empty


def test_a_class_with_configuration():
    """``runtime/slurm/launcher.py`` is named in dagster.yaml and made from its fields there."""
    from dagster._serdes import ConfigurableClass, ConfigurableClassData

    assert ConfigurableClass.__abstractmethods__ == {
        "inst_data",
        "config_type",
        "from_config_value",
    }
    data = ConfigurableClassData(
        "ich_assets.runtime.slurm.launcher", "SlurmRunLauncher", "options: {partition: gpu}\n"
    )
    assert type(data.rehydrate(ConfigurableClass)).__name__ == "SlurmRunLauncher"


@pytest.mark.parametrize("name", ["dagster", "dagster.postgres", "dagster.slurm"])
def test_the_log_manager_that_keeps_nothing(name):
    """The files of conf/ name it."""
    logs = yaml.safe_load((ROOT / "conf" / f"{name}.yaml").read_text())["compute_logs"]
    manager = getattr(import_module(logs["module"]), logs["class"])
    base = import_module("dagster._core.storage.compute_log_manager").ComputeLogManager
    assert issubclass(manager, base)
    assert manager().get_log_data(["key"]).stderr is None


def test_a_run_of_a_code_server_says_its_socket():
    """``runtime/dead_runs.py`` takes a run with a socket for one of this machine."""
    from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

    source = inspect.getsource(DefaultRunLauncher.launch_run_from_grpc_client)
    assert "GRPC_INFO_TAG" in source
    assert '"socket": grpc_client.socket' in source
    assert DefaultRunLauncher.__module__.partition(".")[0] == "dagster"
