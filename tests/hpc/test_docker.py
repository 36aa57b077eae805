"""The image and run_pipeline.sh, on a real engine, as an ordinary user."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from docker_engine import docker_engine
from docker_user import OrdinaryUser, snapshot
from page_commands import command
from workplace import Workplace

from ich_resources.demo.study import write_demo_study, write_series

pytestmark = [pytest.mark.hpc, pytest.mark.slow]

PIPELINE = "docker/run_pipeline.sh"
CONFIG = """\
resources:
  networks: {config: {device: cpu, batch_size: 3}}
  saliency: {config: {image_size_override: 64, method: gradcam}}
"""
OPTIONS = ["--cpu", "--batch_size=3", "--auto_batch_size", "--auto_batch_size_max=8"]
OPTIONS += ["--image_size_override", "64", "--saliency_method", "gradcam"]
ODD = 'dicom: a, "b" & $c'


@pytest.fixture(scope="module")
def models(docker_user: OrdinaryUser, stand_in_models: Path) -> Path:
    """The checkpoints where the user may read them."""
    folder = docker_user.home / "models"
    shutil.copytree(stand_in_models, folder)
    docker_user.give(folder)
    return folder


@pytest.mark.usefixtures("image")
def test_the_demo_as_a_direct_run_gives_it(docker_user, models, tmp_path):
    dicom = docker_user.home / ODD
    write_demo_study(dicom, slices=3)
    # Readable for a group that is not the caller's first, as a shared disk often is.
    for path in (dicom, *dicom.rglob("*")):
        shutil.chown(path, group="docker")
        path.chmod(0o750 if path.is_dir() else 0o640)
    direct = Workplace(tmp_path, models, {"DICOM_INPUT": str(dicom), "MAX_FOLDS_PER_BACKBONE": "1"})
    done = direct.batch(CONFIG)
    assert done.status == 0, done.text
    docker_user.give(docker_user.home / "cache")
    before = snapshot(dicom), snapshot(models)
    beside = {path.name for path in docker_user.home.iterdir()}

    folders = ["--dicom_dir", ODD, "--run_root", "results, of/today", "--model_dir", "models"]
    folders += ["--cache_dir=cache/ich"]
    status, text = docker_user.run(PIPELINE, *folders, *OPTIONS, MAX_FOLDS_PER_BACKBONE="1")

    results = docker_user.home / "results, of" / "today"
    assert (status, f"Results are in {results}/output" in text) == (0, True), text
    assert (snapshot(dicom), snapshot(models)) == before
    assert _files(results) == _files(direct.results)
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in results.rglob("*")}
    assert owners == {docker_user.owner}
    report = json.loads((results / "output" / "run_report.json").read_text())
    assert report["input"] == [str(dicom)]
    assert {path.name for path in docker_user.home.iterdir()} == beside | {"results, of"}


@pytest.mark.usefixtures("image")
def test_the_commands_of_the_page(docker_user, models):
    data = docker_user.home / "data"
    write_series(data / "dicom", name="small", slices=3, bleed=False, size=64)
    shutil.copytree(models, data / "models")
    docker_user.give(data)
    environment = {
        "DATA": str(data),
        "MAX_FOLDS_PER_BACKBONE": "1",
        "XDG_CACHE_HOME": str(docker_user.home / "cache"),
    }
    typed = command("docker.md", "run_pipeline.sh --cpu")
    status, text = docker_user.run("bash", "-ec", typed, **environment)
    assert status == 0, text
    assert (data / "results" / "output" / "predictions_per_series.csv").is_file()
    typed = command("docker.md", "run_pipeline.sh --dicom_dir")
    status, text = docker_user.run("bash", "-ec", typed, **environment)
    assert (status, "add --cpu" in text) == (2, True), text


def test_the_page_builds_what_is_tested_here():
    typed = command("docker.md", "docker build")
    assert typed == "docker build --tag ich --file docker/Dockerfile .\n"


def _files(root: Path) -> dict[str, bytes]:
    """What a run leaves behind, but the records, which tell times."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".json"
    }


@pytest.mark.usefixtures("image")
def test_the_exit_status_is_that_of_the_job(docker_user, models):
    (docker_user.home / "empty").mkdir(exist_ok=True)
    folders = ["--dicom_dir", "empty", "--run_root", "none", "--model_dir", str(models)]
    status, text = docker_user.run(PIPELINE, *folders, "--cpu", MAX_FOLDS_PER_BACKBONE="1")
    assert (status, "no DICOM file among the 0 files" in text) == (1, True), text


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_container(engine, docker_user, models, number):
    dicom = docker_user.home / "long"
    if not dicom.exists():
        write_series(dicom, name="long", slices=30, bleed=True)
    folders = ["--dicom_dir", "long", "--run_root", f"stopped{number}", "--model_dir", str(models)]
    folders += ["--cache_dir", "cache/ich"]
    process = docker_user.start(PIPELINE, *folders, "--cpu", MAX_FOLDS_PER_BACKBONE="1")
    for line in process.stdout:
        if line.startswith("Networks loaded"):
            break
    (container,) = engine.docker("ps", "--quiet", "--filter", "ancestor=ich").split()
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), number)
    text = process.stdout.read()
    process.stdout.close()
    assert process.wait(60) != 0
    assert container not in engine.docker("ps", "--all", "--quiet"), text


def test_a_gpu_that_is_not_there(docker_user, image, models):
    _assert_told_of_cpu(docker_user, image, models)


def test_an_engine_that_knows_no_gpus(models, tmp_path):
    with docker_engine() as engine:
        empty = tmp_path / "empty.tar"
        empty.write_bytes(bytes(10240))
        engine.docker("import", str(empty), "nothing")
        user = OrdinaryUser(models.parent, engine)
        _assert_told_of_cpu(user, "nothing", models)


def _assert_told_of_cpu(user: OrdinaryUser, image: str, models: Path) -> None:
    folders = ["--dicom_dir", "docker", "--run_root", "no_gpu", "--model_dir", str(models)]
    status, text = user.run(PIPELINE, *folders, "--image", image)
    assert status == 2
    assert text.splitlines()[0] == (
        "run_pipeline.sh: no NVIDIA GPU can be used in a container on this machine"
    )
    assert "add --cpu" in text and len(text.splitlines()) == 2


def test_the_image_needs_no_root_and_tells_nobody(engine, image):
    about = json.loads(engine.docker("image", "inspect", image))[0]["Config"]
    assert about["User"] == "1000:1000"
    assert "Research use only" in about["Labels"]["org.opencontainers.image.description"]
    listed = engine.docker(
        *("run", "--rm", "--network=none", "--read-only", "--tmpfs=/tmp", "--user=4321", image),
        *(
            "sh",
            "-c",
            "dagster job list -m ich_assets.definitions && find /tmp -name '.telemetry*'",
        ),
    )
    assert "ich_batch" in listed and "telemetry" not in listed
