"""The image and run_pipeline.sh, on a real engine, as an ordinary user."""

import json
import os
import shutil
import signal
import subprocess
import tomllib
from pathlib import Path

import pytest
from docker_engine import Engine, docker_engine
from docker_user import OrdinaryUser, snapshot
from google_drive import HOSTS, Drive
from live import ROOT
from page_commands import command
from release import REPOSITORY, TAG, ReleaseServer, public, release_of, running
from taken_away import compared
from tls import internet
from training_root import Amount, write_training_root
from workplace import Workplace

from ich_resources.backbones.table import BACKBONES, checkpoint_name
from ich_resources.demo.study import write_demo_study, write_series
from ich_resources.storage.training_layout import TrainingLayout
from ich_resources.weights.release import ARCHIVES, DRIVE_IDS

# The first test waits for the base and the image as well.
pytestmark = [pytest.mark.hpc, pytest.mark.slow, pytest.mark.timeout(1800)]

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
        path.relative_to(root).as_posix(): compared(path)
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".json"
    }


TRAINING = """\
ops: {train_folds: {config: {backbones: [densenet121], folds: [3], stages: ["2d"]}}}
resources:
  training:
    config: {init: random, epochs: 1, input_size: 32, batch_size: 8, schedule: one_cycle, tta: none}
"""


@pytest.mark.usefixtures("image")
def test_a_fold_is_trained_in_a_container(docker_user):
    root = docker_user.home / "training, of" / "today"
    write_training_root(root, Amount())
    (docker_user.home / "train.yaml").write_text(TRAINING)
    docker_user.give(root.parent, docker_user.home / "train.yaml")
    options = ["--train_root", "training, of/today", "--config=train.yaml", "--cpu"]
    status, text = docker_user.run("docker/run_training.sh", *options)
    assert status == 0, text
    assert "[1/1] densenet121|3  done" in text
    assert TrainingLayout(root).checkpoint(BACKBONES["DenseNet121_change_avg"], 3).is_file()
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in root.rglob("*")}
    assert owners == {docker_user.owner}


@pytest.mark.usefixtures("image")
def test_the_exit_status_is_that_of_the_job(docker_user, models):
    (docker_user.home / "empty").mkdir(exist_ok=True)
    folders = ["--dicom_dir", "empty", "--run_root", "none", "--model_dir", str(models)]
    status, text = docker_user.run(PIPELINE, *folders, "--cpu", MAX_FOLDS_PER_BACKBONE="1")
    assert (status, "no DICOM file among its 0 files" in text) == (1, True), text


def _at_work(
    engine: Engine, user: OrdinaryUser, models: Path, results: str, *options: str
) -> tuple[subprocess.Popen[str], str]:
    """Start a batch that takes a while; return it and its container once networks are loaded."""
    dicom = user.home / "long"
    if not dicom.exists():
        write_series(dicom, name="long", slices=30, bleed=True)
    folders = ["--dicom_dir", "long", "--run_root", results, "--model_dir", str(models)]
    folders += ["--cache_dir", "cache/ich"]
    process = user.start(PIPELINE, *folders, *options, "--cpu", MAX_FOLDS_PER_BACKBONE="1")
    for line in process.stdout:
        if line.startswith("Networks loaded"):
            break
    (container,) = engine.docker("ps", "--quiet", "--filter", "ancestor=ich").split()
    return process, container


def _stop(process: subprocess.Popen[str], number: int) -> str:
    """Send a signal to the script's process; return the rest of what is printed."""
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), number)
    text = process.stdout.read()
    process.stdout.close()
    assert process.wait(60) != 0
    return text


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_container(engine, docker_user, models, number):
    process, container = _at_work(engine, docker_user, models, f"stopped{number}")
    text = _stop(process, number)
    assert container not in engine.docker("ps", "--all", "--quiet"), text


ASK = """
import dagster, json
(run,) = dagster.DagsterInstance.get().get_runs(dagster.RunsFilter(job_name="ich_batch"))
print(json.dumps(run.run_config["resources"]["dicom"]["config"]))
"""


@pytest.mark.usefixtures("image")
def test_the_threads_and_the_history_of_a_batch(engine, docker_user, models):
    volumes = engine.docker("volume", "ls", "--quiet")
    options = ["--n_jobs", "3", "--num_workers=5"]
    process, container = _at_work(engine, docker_user, models, "threads", *options)
    try:
        asked = engine.docker("exec", container, "python3", "-c", ASK)
        listed = engine.docker("exec", container, "find", "/dagster", "/tmp", "-type", "f")
        about = json.loads(engine.docker("inspect", container))[0]
        (mount,) = [each for each in about["Mounts"] if each["Destination"] == "/dagster"]
        assert mount["Type"] == "volume" and Path(mount["Source"]).is_dir()
    finally:
        text = _stop(process, signal.SIGTERM)
    assert json.loads(asked.splitlines()[-1]) == {"threads": 5}, text
    files = listed.splitlines()
    assert "/dagster/history/runs.db" in files
    # Not in memory: no database. Not caught: what steps print.
    assert not [f for f in files if f.startswith("/tmp/") and f.endswith(".db")]
    assert not [f for f in files if f.endswith((".out", ".err")) or "telemetry" in f]
    assert engine.docker("volume", "ls", "--quiet") == volumes


def test_a_gpu_that_is_not_there(docker_user, image, models):
    _assert_told_of_cpu(docker_user, image, models, "OSError: libcuda.so.1: cannot open shared")


def test_an_engine_that_knows_no_gpus(models, tmp_path):
    with docker_engine() as engine:
        empty = tmp_path / "empty.tar"
        empty.write_bytes(bytes(10240))
        engine.docker("import", str(empty), "nothing")
        user = OrdinaryUser(models.parent, engine)
        _assert_told_of_cpu(user, "nothing", models, "could not select device driver")


def _assert_told_of_cpu(user: OrdinaryUser, image: str, models: Path, why: str) -> None:
    folders = ["--dicom_dir", "docker", "--run_root", "no_gpu", "--model_dir", str(models)]
    status, text = user.run(PIPELINE, *folders, "--image", image)
    assert status == 2
    told = text.splitlines()[0]
    assert told.startswith(
        "run_pipeline.sh: no NVIDIA GPU can be used in a container on this machine ("
    )
    assert why in told
    assert "add --cpu" in text and len(text.splitlines()) == 2


SCAN = """
scan() { dagster job execute -m ich_assets.definitions -j ich_scan >/tmp/log 2>&1 || cat /tmp/log; }
scan
echo "as it is: $(find /tmp /dagster -name '*telemetry*')"
mkdir /tmp/other
echo 'nux: {enabled: false}' >/tmp/other/dagster.yaml
DAGSTER_HOME=/tmp/other scan
echo "turned on: $(find /tmp/other -name '*telemetry*')"
"""


def test_the_image_needs_no_root_and_tells_nobody(engine, image, docker_user):
    about = json.loads(engine.docker("image", "inspect", image))[0]["Config"]
    assert about["User"] == "1000:1000"
    assert "Research use only" in about["Labels"]["org.opencontainers.image.description"]
    dicom = docker_user.home / "one"
    write_series(dicom, name="one", slices=3, bleed=False, size=64)
    told = engine.docker(
        *("run", "--rm", "--network=none", "--read-only", "--tmpfs=/tmp", "--user=4321"),
        *(
            "--volume",
            f"{dicom}:/input:ro",
            "--env=DICOM_INPUT=/input",
            f"--env=MODEL_DIR={models}",
        ),
        *("--env=RUN_ROOT=/tmp/results", image, "sh", "-c", SCAN),
    )
    assert told.splitlines() == ["as it is: ", "turned on: /tmp/other/.telemetry"]


BUILT = """
from importlib.metadata import distribution
for name in ("ich", "pretrainedmodels"):
    lines = distribution(name).read_text("WHEEL").splitlines()
    print(name, *[line for line in lines if line.startswith("Generator")])
"""


def test_what_builds_a_package_is_pinned_too(engine, image):
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    (pinned,) = [line for line in lines if line.startswith("setuptools==")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["build-system"]["requires"] == [pinned]
    by = f"Generator: setuptools ({pinned.partition('==')[2]})"
    shown = engine.docker("run", "--rm", "--network=none", image, "python3", "-c", BUILT)
    assert shown.splitlines() == [f"ich {by}", f"pretrainedmodels {by}"]


def _fetch(user: OrdinaryUser, data: Path, config: dict, *options: str) -> str:
    """Type the page's command, with a configuration and a network that reaches this machine."""
    (data / "weights.yaml").write_text(json.dumps({"resources": {"weights": {"config": config}}}))
    user.give(data)
    file = f"type=bind,source={data}/weights.yaml,target=/weights.yaml,readonly"
    more = ["--network=host", "--env=MAX_FOLDS_PER_BACKBONE=1", f"--mount={file}", *options]
    typed = command("weights.md", "docker run").strip()
    typed = typed.replace("docker run", f"docker run {' '.join(more)}") + " -c /weights.yaml"
    status, text = user.run("bash", "-ec", typed, DATA=str(data))
    assert status == 0, text[-4000:]
    assert "Good: 3 of 3; digests not in checkpoints.sha256: 0" in text
    return text


@pytest.mark.usefixtures("image")
def test_the_weights_are_fetched_as_the_page_says(docker_user, stand_in_models, tmp_path):
    data = docker_user.home / "fetched"
    (data / "models").mkdir(parents=True)
    assets = release_of(stand_in_models)
    with running(ReleaseServer()) as server:
        public(server, assets)
        release = {"repository": REPOSITORY, "tag": TAG, "github_url": server.url()}
        _fetch(docker_user, data, release)
    fetched = [path for path in (data / "models").rglob("*") if path.is_file()]
    assert {path.stat().st_uid for path in fetched} == {docker_user.owner[0]}
    backbone = next(iter(BACKBONES.values()))
    lost = data / "models" / backbone.folder / checkpoint_name(0)
    before = lost.read_bytes()
    lost.unlink()
    files = {DRIVE_IDS[name]: assets[ARCHIVES[name]] for name in BACKBONES}
    with internet(tmp_path, HOSTS, Drive(files)) as environment:
        proxy = [f"--env={name}={value}" for name, value in environment.items()]
        proxy[-1] = "--env=REQUESTS_CA_BUNDLE=/certificate.pem"
        certificate = shutil.copy(environment["REQUESTS_CA_BUNDLE"], data)
        proxy += [f"--mount=type=bind,source={certificate},target=/certificate.pem,readonly"]
        text = _fetch(docker_user, data, {"source": "google_drive"}, *proxy)
    assert lost.read_bytes() == before
    assert text.count("no SHA-256 was stated") == 1
