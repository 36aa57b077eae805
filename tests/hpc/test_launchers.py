"""The launchers of other packages, as docs/scaling.md configures them: real runs, real workers."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import page_commands
import pytest
import yaml
from engines import engine_is_missing
from live import FINISHED, ROOT, Webserver, free_port, wait, webserver
from postgres import postgres
from user_python import site_packages

from ich_resources.demo.study import write_demo_study

pytestmark = [pytest.mark.hpc, pytest.mark.slow, pytest.mark.timeout(1800)]

CONFIG = {
    "resources": {
        "networks": {"config": {"device": "cpu"}},
        "saliency": {"config": {"image_size_override": 64, "method": "gradcam"}},
    }
}


def blocks(language: str, word: str) -> list[str]:
    """The blocks of the page that hold a word."""
    return [block for block in page_commands.blocks("scaling.md", language) if word in block]


def venv_with(folder: Path, *packages: str) -> Path:
    """A virtual environment that sees the tests' packages, and has some more."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    (site / "tests.pth").write_text(f"import site; site.addsitedir({site_packages()!r})\n")
    command = [folder / "bin" / "pip", "install", "-q", "-c", ROOT / "constraints.txt", *packages]
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        engine_is_missing(f"pip cannot get {', '.join(packages)}: {done.stderr.strip()[-300:]}")
    dagster = folder / "bin" / "dagster"
    dagster.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m dagster "$@"\n')
    dagster.chmod(0o755)
    return folder / "bin"


@pytest.fixture
def data(tmp_path: Path, stand_in_models: Path) -> Path:
    """The folders that the page has below /data, and a home with the PostgreSQL instance."""
    folder = tmp_path / "data"
    write_demo_study(folder / "dicom", slices=3)
    shutil.copytree(stand_in_models, folder / "models")
    (folder / "results").mkdir()
    (folder / "home").mkdir()
    for each in (tmp_path, *folder.rglob("*")):
        os.chown(each, 1000, 1000)
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    return folder


def variables(data: Path, url: str) -> dict[str, str]:
    ours = {
        "DAGSTER_HOME": str(data / "home"),
        "DAGSTER_POSTGRES_URL": url,
        "DICOM_INPUT": str(data / "dicom"),
        "MODEL_DIR": str(data / "models"),
        "RUN_ROOT": str(data / "results"),
        "MAX_FOLDS_PER_BACKBONE": "1",
        "XDG_CACHE_HOME": str(data / "cache"),
    }
    return {k: v for k, v in os.environ.items() if not k.startswith("DAGSTER_")} | ours


def write_instance(data: Path, block: Mapping) -> None:
    instance = yaml.safe_load((ROOT / "conf" / "dagster.postgres.yaml").read_text())
    (data / "home" / "dagster.yaml").write_text(yaml.safe_dump(instance | block))


def failures(server: Webserver, run: str) -> str:
    """What the steps of a run said when they failed."""
    query = """query($run: ID!) { logsForRun(runId: $run) { ... on EventConnection {
        events { ... on ExecutionStepFailureEvent { stepKey error { message } }
        ... on RunFailureEvent { error { message } } } } } }"""
    events = server.ask(query, run=run)["logsForRun"]["events"]
    return "\n".join(str(event) for event in events if event)


def check_runs(server: Webserver, data: Path, *, terminated: str = "CANCELED") -> None:
    """Run a batch to its end, and terminate another."""

    def ends(run: str, status: str) -> bool:
        return wait(600, lambda: server.statuses()[run] in FINISHED) and (
            server.statuses()[run] == status
        )

    batch = server.launch("ich_batch", {}, CONFIG)
    assert ends(batch, "SUCCESS"), failures(server, batch)
    inside = [r for r in server.runs() if r["tags"].get("ich/batch") == batch]
    assert len(inside) == 5
    assert {r["status"] for r in inside} == {"SUCCESS"}
    table = (data / "results" / "output" / "predictions_per_series.csv").read_text()
    assert len(table.splitlines()) == 3
    shutil.rmtree(data / "results" / "state")
    second = server.launch("ich_batch", {}, CONFIG)
    assert wait(120, lambda: any(r["tags"].get("ich/batch") == second for r in server.runs()))
    assert server.terminate(second) == "TerminateRunSuccess"
    assert ends(second, terminated)


def test_a_container_for_each_run(engine, image, data, tmp_path):
    binaries = venv_with(tmp_path / "venv", "dagster-docker")
    (text,) = blocks("yaml", "DockerRunLauncher")
    block = yaml.safe_load(text.replace("/data/", f"{data}/"))
    config = block["run_launcher"]["config"]
    del config["container_kwargs"]["device_requests"]  # no GPU here
    assert config["image"] == image
    config["env_vars"][-1] = "MAX_FOLDS_PER_BACKBONE=1"
    write_instance(data, block)
    with postgres() as url:
        environment = variables(data, url) | engine.environment
        with webserver(environment, tmp_path / "log", binaries / "python") as server:
            check_runs(server, data)
    owner = (data / "results" / "output" / "run_report.json").stat()
    assert (owner.st_uid, owner.st_gid) == (1000, 1000)


@contextmanager
def redis(folder: Path) -> Iterator[int]:
    """A broker for a while; yield its port."""
    if shutil.which("redis-server") is None:
        engine_is_missing("no redis-server here: tests/hpc/install_services.sh")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.terminate()


def test_celery_workers_wait_for_runs(data, tmp_path):
    binaries = venv_with(tmp_path / "venv", "dagster-celery", "redis")
    with redis(tmp_path) as port, postgres() as url:
        launcher, worker = (
            block.replace("broker:6379", f"127.0.0.1:{port}") for block in blocks("yaml", "broker:")
        )
        write_instance(data, yaml.safe_load(launcher))
        (tmp_path / "worker.yaml").write_text(worker)
        environment = variables(data, url) | {"PYTHONPATH": str(ROOT)}
        environment["PATH"] = f"{binaries}:{environment['PATH']}"
        (start,) = blocks("sh", "dagster-celery worker start")
        with (
            (tmp_path / "worker.log").open("wb") as log,
            webserver(environment, tmp_path / "log", binaries / "python") as server,
            subprocess.Popen(
                ["bash", "-c", f"exec {start}"],
                cwd=tmp_path,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            ) as celery,
        ):
            try:
                check_runs(server, data, terminated="FAILURE")
            finally:
                os.killpg(celery.pid, signal.SIGTERM)
