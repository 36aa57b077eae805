"""What the SLURM scripts of a training refuse before they submit or run anything."""

import subprocess
from pathlib import Path

import pytest
from live import ROOT


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Variables as they should be."""
    for name in ("training/dataset", "venv/bin", "imagenet"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "training" / "dataset" / "folds.csv").touch()
    (tmp_path / "venv" / "bin" / "dagster").touch(mode=0o755)
    return {
        "PATH": "/usr/bin:/bin",
        "PROJECT_DIR": str(ROOT),
        "TRAIN_ROOT": str(tmp_path / "training"),
        "IMAGENET_DIR": str(tmp_path / "imagenet"),
        "VENV": str(tmp_path / "venv"),
        "DEVICE": "cpu",
    }


@pytest.mark.parametrize(
    ("script", "changed", "line"),
    [
        ("train", {"TRAIN_ROOT": ""}, "TRAIN_ROOT is not set: set it to the folder"),
        ("train", {"TRAIN_ROOT": "/proc/here"}, "cannot create TRAIN_ROOT /proc/here"),
        ("train", {"IMAGENET_DIR": "/no/such"}, "IMAGENET_DIR is not a folder on this machine"),
        ("train", {"MODEL_DIR": "/no/such"}, "MODEL_DIR is not a folder on this machine"),
        ("train", {"LABELS": "/no/such.csv"}, "cannot read LABELS /no/such.csv"),
        ("train", {"RUN_CONFIG": "/no/such"}, "cannot read RUN_CONFIG /no/such"),
        ("train", {"VENV": "/no/such"}, "VENV has no bin/dagster"),
        ("train", {"RESUBMIT": "often"}, "RESUBMIT is often"),
        ("train", {"BACKBONES": "densenet121, $(id)"}, "give names with spaces between them"),
        ("train_fold", {"DEVICE": ""}, "SLURM gave this job no GPU"),
        ("train_fold", {}, "this script is a task of slurm_train.sh"),
        ("train_fold", {"SLURM_ARRAY_TASK_ID": "15"}, "there is no task 15: they are 0 to 14"),
        ("train_rest", {"RESUBMIT": "-1"}, "RESUBMIT is -1"),
        ("learn", {}, "JOB is not set: choose ich_dataset"),
        ("learn", {"JOB": "ich_batch"}, "JOB is ich_batch: choose ich_dataset"),
        ("learn", {"JOB": "ich_train", "DEVICE": "cuda"}, "SLURM gave this job no GPU"),
    ],
)
def test_a_variable_that_is_wrong_is_named(variables, script, changed, line):
    path = ROOT / "singularity" / f"slurm_{script}.sh"
    done = subprocess.run(
        ["bash", path], env=variables | changed, text=True, capture_output=True, timeout=60
    )
    assert done.returncode == 2, done.stderr
    assert line in done.stderr


def test_without_a_data_set_nothing_is_submitted(variables, tmp_path):
    (tmp_path / "training" / "dataset" / "folds.csv").unlink()
    done = subprocess.run(
        ["bash", ROOT / "singularity" / "slurm_train.sh"],
        env=variables,
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "holds no data set: set DICOM_INPUT and LABELS, or run ich_dataset first" in done.stderr


def test_nothing_is_made_inside_the_input(variables, tmp_path):
    (tmp_path / "dicom").mkdir()
    for name in ("TRAIN_ROOT", "CACHE_DIR"):
        inside = {"DICOM_INPUT": str(tmp_path / "dicom"), name: str(tmp_path / "dicom" / "made")}
        done = subprocess.run(
            ["bash", ROOT / "singularity" / "slurm_train.sh"],
            env=variables | inside,
            text=True,
            capture_output=True,
            timeout=60,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{name} is inside DICOM_INPUT, where nothing is written" in done.stderr
    assert list((tmp_path / "dicom").iterdir()) == []
