"""Tags become options of sbatch, or an error; never anything else."""

import pytest
import yaml

from ich_assets.runtime.slurm.launcher import SlurmRunLauncher
from ich_assets.runtime.slurm.options import sbatch_options
from ich_assets.runtime.slurm.tags import JOB_TAG, RUN_TAG
from ich_resources.errors import IchError


def test_a_tag_overrides_what_is_configured():
    configured = {"partition": "gpu", "gres": "gpu:1", "mem": "32G"}
    tags = {"slurm/gres": "gpu:a100:2", "slurm/time": "1-12:00:00", "ich/host": "node1"}
    assert sbatch_options(configured, tags) == [
        "--partition=gpu",
        "--gres=gpu:a100:2",
        "--mem=32G",
        "--time=1-12:00:00",
    ]


def test_an_empty_tag_removes_an_option():
    assert sbatch_options({"gres": "gpu:1", "mem": "1G"}, {"slurm/gres": ""}) == ["--mem=1G"]


def test_what_the_launcher_has_written_is_no_option():
    assert sbatch_options({}, {JOB_TAG: "12", RUN_TAG: "abc"}) == []


@pytest.mark.parametrize(
    "value",
    ["1; rm -rf /", "$(id)", "`id`", "gpu:1 --wrap=id", "gpu:1\n--wrap=id", "-1", "gpu:१"],
)
def test_a_value_that_is_none_is_refused(value):
    with pytest.raises(IchError, match="slurm/gres cannot be"):
        sbatch_options({}, {"slurm/gres": value})


@pytest.mark.parametrize("name", ["output", "wrap", "export", "chdir", "uid", "prolog", "", "Gres"])
def test_an_option_that_could_do_more_is_refused(name):
    with pytest.raises(IchError, match=r"not an option.*slurm/gres"):
        sbatch_options({}, {f"slurm/{name}": "gpu"})


def test_the_configuration_is_checked_when_dagster_starts():
    with pytest.raises(IchError, match="not an option"):
        SlurmRunLauncher.from_config_value(None, {"options": {"wrap": "id"}})


def test_the_example_differs_from_that_of_postgres_in_launcher_and_limits_alone(pytestconfig):
    conf = pytestconfig.rootpath / "conf"
    plain = yaml.safe_load((conf / "dagster.postgres.yaml").read_text())
    slurm = yaml.safe_load((conf / "dagster.slurm.yaml").read_text())
    launcher = slurm.pop("run_launcher")
    assert sbatch_options(launcher["config"]["options"], {})
    assert slurm["run_monitoring"].pop("start_timeout_seconds") >= 7 * 24 * 3600
    del plain["run_monitoring"]["start_timeout_seconds"]
    assert slurm.pop("concurrency")["pools"]["granularity"] == "run"
    del plain["concurrency"]
    assert slurm == plain
