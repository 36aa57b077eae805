"""A dagster.yaml that names ``ich_slurm.launcher`` works, with a warning."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from ich_assets.runtime.slurm.launcher import SlurmRunLauncher


def test_the_earlier_name_of_the_launcher(tmp_path: Path):
    launcher = {
        "module": "ich_slurm.launcher",
        "class": "SlurmRunLauncher",
        "config": {"options": {"mem": "1G"}},
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({"run_launcher": launcher}))
    sys.modules.pop("ich_slurm.launcher", None)
    expected = "write `module: ich_assets.runtime.slurm.launcher`"
    with (
        pytest.warns(FutureWarning, match=expected),
        dg.DagsterInstance.from_config(str(tmp_path)) as instance,
    ):
        assert type(instance.run_launcher) is SlurmRunLauncher


def test_the_warning_is_shown_by_default():
    code = "import ich_slurm.launcher"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "The old name works until version 0.3.0" in done.stderr
