"""Dagster's newer command line, ``dg``, works in a checkout by ``[tool.dg]`` in pyproject.toml."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from live import ROOT
from workplace import CONFIG, Workplace

pytestmark = pytest.mark.slow


def dg(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run dg in the checkout, in the venv of these tests as after ``activate``."""
    bin_folder = Path(sys.executable).parent
    environ = environ | {
        "VIRTUAL_ENV": str(bin_folder.parent),
        "PATH": f"{bin_folder}{os.pathsep}{environ['PATH']}",
        "DAGSTER_DG_CLI_TELEMETRY": "0",
    }
    command = [str(bin_folder / "dg"), *arguments]
    return subprocess.run(
        command, env=environ, cwd=ROOT, text=True, capture_output=True, timeout=600
    )


def test_dg_checks_and_lists_the_definitions(workplace: Workplace):
    checked = dg(workplace.environ(), "check", "defs")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    listed = dg(workplace.environ(), "list", "defs", "--json")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    found = json.loads(listed.stdout[listed.stdout.index("{") :])
    assert "saliency_panels" in {asset["asset_key"] for asset in found["assets"]}
    assert "ich_batch" in {job["name"] for job in found["jobs"]}
    assert "dicom_inbox" in {sensor["name"] for sensor in found["sensors"]}


def test_dg_launches_a_batch(demo_copy: Workplace):
    for table in demo_copy.output.glob("*.csv"):
        table.unlink()
    config = demo_copy.root / "run.yaml"
    config.write_text(CONFIG)
    done = dg(demo_copy.environ(), "launch", "--job", "ich_batch", "--config", str(config))
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(demo_copy.ledger()["state"])[:2] == ["done", "done"]
    assert (demo_copy.output / "predictions_per_series.csv").is_file()
    unfinished = dg(demo_copy.environ(), "launch", "--job", "no_such_job")
    assert unfinished.returncode != 0
