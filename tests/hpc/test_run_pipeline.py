"""What run_pipeline.sh refuses before it asks Docker for anything."""

import subprocess
from pathlib import Path

import pytest
from live import ROOT

PIPELINE = ROOT / "docker" / "run_pipeline.sh"


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Folders as they should be."""
    for name in ("dicom", "models"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    return ["--dicom_dir=dicom", "--model_dir", "models", "--run_root=results"]


def _refused(tmp_path: Path, *arguments: str, home: bool = True) -> str:
    """Run it without Docker in reach; return what it says."""
    environment = {"PATH": "/usr/bin:/bin", "DOCKER_HOST": "unix:///nowhere"}
    done = subprocess.run(
        [PIPELINE, *arguments],
        cwd=tmp_path,
        env=environment | ({"HOME": str(tmp_path)} if home else {}),
        text=True,
        capture_output=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("run_pipeline.sh: ") and "\n  -> " in done.stderr
    assert len(done.stderr.splitlines()) == 2
    return done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--color", "red"], "'--color' is not an option"),
        (["folder"], "'folder' is not an option"),
        (["--batch_size"], "--batch_size needs a value"),
        (["--batch_size="], "--batch_size is empty"),
        (["--batch_size", "0"], "--batch_size is '0' give a whole number of at least 1"),
        (["--n_jobs", "two"], "--n_jobs is 'two'"),
        (["--n_jobs=-1"], "--n_jobs is '-1'"),
        (["--num_workers", "a[$(touch x)]"], "--num_workers is 'a[$(touch x)]'"),
        (["--image_size_override", "08"], "--image_size_override is '08'"),
        (["--saliency_method", "lime"], "choose gradcampp, gradcam or input_grad"),
        (["--auto_batch_size_max", "0"], "--auto_batch_size_max is '0'"),
        (["--dicom_dir", "elsewhere"], "--dicom_dir elsewhere does not exist"),
        (["--model_dir", "elsewhere"], "--model_dir elsewhere does not exist"),
        (["--run_root", "dicom/results"], "is inside --dicom_dir, which is mounted read-only"),
        (["--run_root", "dicom"], "is inside --dicom_dir, which is mounted read-only"),
        (["--cache_dir", "dicom/cache"], "is inside --dicom_dir, which is mounted read-only"),
        (["--run_root", "models"], "is also the folder of another option"),
        (["--dicom_dir", "/usr"], "--dicom_dir is /usr, a path that the container uses itself"),
        (["--run_root", "/tmp"], "--run_root is /tmp, a path that the container uses itself"),
        (
            ["--dicom_dir", "/usr/local"],
            "--dicom_dir is /usr/local, a path that the container uses itself",
        ),
        (["--dicom_dir", "/lib"], "lib, a path that the container uses itself"),
        (
            ["--model_dir", "/etc/ssl"],
            "--model_dir is /etc/ssl, a path that the container uses itself",
        ),
        (
            ["--run_root", "/opt/ich/results"],
            "is /opt/ich/results, a path that the container uses itself",
        ),
        (
            ["--run_root", "/proc/results"],
            "is /proc/results, a path that the container uses itself",
        ),
        (
            ["--run_root", "/dev/shm/results"],
            "is /dev/shm/results, a path that the container uses itself",
        ),
        (["--run_root", "/cache"], "--run_root is /cache, a path that the container uses itself"),
        (
            ["--run_root", "/dagster"],
            "--run_root is /dagster, a path that the container uses itself",
        ),
        (["--cache_dir", "models"], "and --model_dir"),
        (["--cache_dir", "models/cache"], "and --model_dir"),
        (["--cache_dir", "."], "and --dicom_dir"),
        (["--run_root", "file/results"], "file/results cannot be written"),
    ],
)
def test_wrong_options_are_told_with_a_remedy(tmp_path, folders, arguments, said):
    text = _refused(tmp_path, *folders, *arguments)
    assert said in text.replace("\n  ->", "")
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert made == {"dicom", "models", "file"}


def test_without_a_home_a_cache_is_asked_for(tmp_path, folders):
    text = _refused(tmp_path, *folders, home=False)
    assert "neither HOME nor XDG_CACHE_HOME is set" in text and "--cache_dir" in text
    text = _refused(tmp_path, *folders, "--cache_dir=cache", home=False)
    assert "docker" in text.lower() and (tmp_path / "cache").is_dir()


@pytest.mark.parametrize("left_out", ["--dicom_dir", "--model_dir", "--run_root"])
def test_each_folder_must_be_named(tmp_path, left_out):
    for name in ("dicom", "models"):
        (tmp_path / name).mkdir()
    options = {"--dicom_dir": "dicom", "--model_dir": "models", "--run_root": "results"}
    given = [f"{name}={folder}" for name, folder in options.items() if name != left_out]
    assert f"{left_out} is not set" in _refused(tmp_path, *given)


def test_no_docker(tmp_path, folders):
    text = _refused(tmp_path, *folders)
    assert "the command docker was not found" in text or "Docker does not answer" in text


def test_help_names_every_option():
    done = subprocess.run([PIPELINE, "--help"], text=True, capture_output=True, check=True)
    options = "image dicom_dir run_root model_dir cache_dir n_jobs batch_size num_workers cpu help"
    options += " auto_batch_size auto_batch_size_max image_size_override saliency_method"
    for option in options.split():
        assert f"\n  --{option} " in done.stdout
