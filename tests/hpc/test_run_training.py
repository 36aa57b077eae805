"""What run_training.sh refuses before it asks Docker for anything."""

import subprocess
from pathlib import Path

import pytest
from live import ROOT

TRAINING = ROOT / "docker" / "run_training.sh"


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Folders and files as they should be."""
    for name in ("dicom", "imagenet", "models"):
        (tmp_path / name).mkdir()
    for name in ("labels.csv", "train.yaml"):
        (tmp_path / name).touch()
    given = ["--train_root=training", "--dicom_dir", "dicom", "--labels=labels.csv"]
    return [*given, "--imagenet_dir=imagenet", "--model_dir=models", "--config=train.yaml"]


def _refused(tmp_path: Path, *arguments: str) -> str:
    """Run it without Docker in reach; return what it says."""
    done = subprocess.run(
        [TRAINING, *arguments],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "DOCKER_HOST": "unix:///nowhere"},
        text=True,
        capture_output=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("run_training.sh: ") and "\n  -> " in done.stderr
    assert len(done.stderr.splitlines()) == 2
    return done.stderr.replace("\n  ->", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--color", "red"], "'--color' is not an option"),
        (["folder"], "'folder' is not an option"),
        (["--labels"], "--labels needs a value"),
        (["--job", "ich_batch"], "--job is 'ich_batch' choose ich_dataset"),
        (["--labels", "dicom"], "--labels dicom is not a file that can be read"),
        (["--config", "none.yaml"], "--config none.yaml is not a file that can be read"),
        (["--dicom_dir", "elsewhere"], "--dicom_dir elsewhere does not exist"),
        (["--more_dir", "elsewhere"], "--more_dir elsewhere does not exist"),
        (["--run_root", "elsewhere"], "--run_root elsewhere does not exist"),
        (["--train_root", "dicom/training"], "is inside --dicom_dir, which is mounted read-only"),
        (["--train_root", "/usr/training"], "a path that the container uses itself"),
        (["--imagenet_dir", "/usr"], "--imagenet_dir is /usr, a path that the container uses"),
        (["--train_root", "labels.csv/training"], "labels.csv/training cannot be written"),
    ],
)
def test_wrong_options_are_told_with_a_remedy(tmp_path, folders, arguments, said):
    before = sorted(tmp_path.rglob("*"))
    assert said in _refused(tmp_path, *folders, *arguments)
    made = set(tmp_path.rglob("*")) - set(before)
    assert made <= {tmp_path / "training"}


def test_the_folder_of_a_training_must_be_named(tmp_path):
    assert "--train_root is not set" in _refused(tmp_path, "--cpu")
    assert "--run_root is not set" in _refused(tmp_path, "--job", "ich_evaluate")


def test_no_docker(tmp_path, folders):
    text = _refused(tmp_path, *folders)
    assert "the command docker was not found" in text or "Docker does not answer" in text


def test_help_names_every_option():
    done = subprocess.run([TRAINING, "--help"], text=True, capture_output=True, check=True)
    options = (
        "job train_root dicom_dir labels imagenet_dir model_dir run_root more_dir config image"
    )
    for option in [*options.split(), "cpu", "help"]:
        assert f"\n  --{option} " in done.stdout
