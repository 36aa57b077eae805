"""compose.yaml on a real engine: studies by C-STORE, and a person at the published port."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

import pandas as pd
import pytest
import yaml
from docker_engine import FIXTURES, Engine, require_compose
from docker_user import OrdinaryUser
from live import FINISHED, Webserver, free_port, send, wait
from page_commands import command

from ich_assets.runtime.run_tags import REQUEST_TAG
from ich_resources.demo.study import uid, write_series

# The first test waits for the base and the image as well.
pytestmark = [pytest.mark.hpc, pytest.mark.slow, pytest.mark.timeout(1800)]

COMPOSE = ["docker", "compose", "--file", "docker/compose.yaml", "--profile", "receive"]
SERVICES = {"postgres", "code", "webserver", "daemon", "receiver", "monitor"}
PASSWORD = "a:b\\c %@/d'$e"
AS_WRITTEN = {PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), quote_plus(PASSWORD)}
LIVE = """\
resources:
  inbox: {config: {quiet_seconds: 5}}
  networks: {config: {max_folds_per_backbone: 1, backbones: [DenseNet169_change_avg]}}
  saliency: {config: {image_size_override: 64, method: gradcam}}
"""
PROCESSES = """
for process in /proc/[0-9]*; do
    for file in "$@"; do
        cat $process/$file || [ ! -e $process ] || exit 1 # a process may end at any moment
    done
done
"""
LAUNCH = """
mutation($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""


class Published(Webserver):
    """The webserver of a container, through its published port."""

    def __init__(self, url: str) -> None:
        self.url = url


@dataclass(frozen=True)
class Site:
    """Everything up, and the folders it works on."""

    user: OrdinaryUser
    folder: Path
    environment: dict[str, str]
    server: Published

    def compose(self, *arguments: str) -> str:
        """Run Compose as the user."""
        status, text = self.user.run(*COMPOSE, *arguments, **self.environment)
        assert status == 0, text[-4000:]
        return text

    def finished(self, run_id: str) -> dict:
        """Wait for a run; return it if it went well."""

        def run() -> dict:
            return next(run for run in self.server.runs() if run["runId"] == run_id)

        assert wait(300, lambda: run()["status"] in FINISHED), self.compose("logs")[-4000:]
        assert run()["status"] == "SUCCESS", self.compose("logs", "code")[-4000:]
        return run()


@pytest.fixture(scope="module")
def site(engine: Engine, image: str, docker_user: OrdinaryUser, stand_in_models) -> Iterator[Site]:
    """Bring everything up as docs/docker.md says, and take it down."""
    require_compose()
    fixture = str(FIXTURES / "postgres")
    engine.docker("build", "--network=host", "--tag=postgres:17-bookworm", fixture)
    folder = docker_user.home / "live, here"
    for name in ("inbox", "input", "results"):
        (folder / name).mkdir(parents=True)
    shutil.copytree(stand_in_models, folder / "models")
    write_series(folder / "input", name="old", slices=3, bleed=False, size=64, study="old")
    (folder / "live.yaml").write_text(LIVE)
    docker_user.give(folder)
    _type(docker_user, "docker/secrets", {})
    secret = docker_user.home / "docker" / "secrets" / "postgres_password"
    assert (secret.stat().st_mode & 0o777, secret.stat().st_size) == (0o600, 33)
    secret.write_text(f"{PASSWORD}\n")
    _type(docker_user, "docker/.env", {"DATA": str(folder)})
    settings = docker_user.home / "docker" / ".env"
    # In a file the quotes of the test's folder are not quotes.
    settings.write_text(settings.read_text().replace('"', ""))
    port = free_port()
    environment = {
        "ICH_IMAGE": image,
        "ICH_PORT": str(port),
        "ICH_HEALTH_INTERVAL": "4s",
        "DICOM_INPUT": f"{folder}/input",
        "LIVE_CONFIG": f"{folder}/live.yaml",
        "MAX_FOLDS_PER_BACKBONE": "1",
        "RECEIVE_PORT": str(free_port()),
        "MONITOR_PORT": str(free_port()),
        "MONITOR_RECEIVER": "receiver:11112",
        "MONITOR_FREE_GB": "0.001",
    }
    site = Site(docker_user, folder, environment, Published(f"http://127.0.0.1:{port}"))
    try:
        _type(docker_user, "compose.yaml --profile receive up", environment)
        yield site
    finally:
        site.compose("down", "--volumes", "--timeout=10")


def _type(user: OrdinaryUser, part: str, environment: dict[str, str]) -> None:
    """Type a command of the page."""
    status, text = user.run("bash", "-ec", command("docker.md", part), **environment)
    assert status == 0, text[-4000:]


def test_all_is_healthy_and_published_to_this_machine_alone(site):
    lines = site.compose("ps", "--format=json").splitlines()
    services = [json.loads(line) for line in lines if line.startswith("{")]
    assert {s["Service"]: s["Health"] for s in services} == dict.fromkeys(SERVICES, "healthy")
    published = [p for s in services for p in s["Publishers"] or () if p["PublishedPort"]]
    assert {p["URL"] for p in published} == {"127.0.0.1"}
    assert len(published) == 3


def test_the_monitor_sees_every_service(site):
    page = f"http://127.0.0.1:{site.environment['MONITOR_PORT']}/healthz"

    def all_answer() -> bool:
        with urllib.request.urlopen(page) as answer:  # an error where not all is well
            services = json.load(answer)["services"]
        return services == dict.fromkeys(("webserver", "code_server", "daemon", "receiver"), True)

    assert wait(120, all_answer), site.compose("logs", "monitor")


def test_the_password_stays_a_secret(engine, site):
    containers = engine.docker("ps", "--quiet").split()
    assert len(containers) == len(SERVICES)
    for container in containers:
        _assert_hidden(engine.docker("inspect", container))
    for service in ("code", "webserver", "daemon"):
        shown = site.compose("exec", service, "sh", "-c", PROCESSES, "sh", "environ", "cmdline")
        assert "DAGSTER_POSTGRES_URL" in shown
        _assert_hidden(shown)
    # PostgreSQL's own image hands it to the server in its environment, and nowhere else.
    shown = site.compose("exec", "postgres", "sh", "-c", PROCESSES, "sh", "cmdline")
    assert "postgres" in shown
    _assert_hidden(shown)
    _assert_hidden(site.compose("logs"))


def _assert_hidden(text: str) -> None:
    """Look for the password, also as a URL, JSON or a file of libpq's would write it."""
    escaped = {json.dumps(PASSWORD)[1:-1], PASSWORD.replace("\\", "\\\\").replace(":", "\\:")}
    assert not [each for each in AS_WRITTEN | escaped if each in text]


def test_a_run_from_the_published_port(site):
    launched = site.server.ask(
        LAUNCH,
        params={
            "selector": {
                "repositoryLocationName": "ich",
                "repositoryName": "__repository__",
                "pipelineName": "ich_batch",
            },
            "mode": "default",
            "runConfigData": {"resources": yaml.safe_load(LIVE)["resources"]},
        },
    )["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run = site.finished(launched["run"]["runId"])
    assert run["tags"]["ich/host"] == "ich-code"
    table = site.folder / "results" / "output" / "predictions_per_series.csv"
    assert list(pd.read_csv(table)["series_id"]) == [uid("old", "old")]
    assert (table.stat().st_uid, table.stat().st_gid) == site.user.owner


def test_a_study_sent_to_the_inbox_is_scored(site, tmp_path):
    slices = write_series(tmp_path, name="new", slices=3, bleed=True, size=64, study="new")
    send(int(site.environment["RECEIVE_PORT"]), *slices)
    assert wait(120, lambda: _requested(site, uid("new", "new"))), site.compose("logs", "daemon")
    (run,) = _requested(site, uid("new", "new"))
    site.finished(run["runId"])
    table = pd.read_csv(site.folder / "results" / "output" / "predictions_per_series.csv")
    assert set(table["series_id"]) == {uid("old", "old"), uid("new", "new")}


def test_a_run_whose_container_died_is_repeated(site):
    write_series(site.folder / "inbox" / "long", name="long", slices=12, bleed=True, study="long")
    (site.folder / "inbox" / "long" / ".done").touch()
    series = uid("long", "long")
    assert wait(120, lambda: [r for r in _requested(site, series) if r["status"] == "STARTED"])
    site.compose("kill", "code")
    (died,) = _requested(site, series)
    site.compose("start", "code")
    assert wait(180, lambda: len(_requested(site, series)) == 2), site.server.runs()
    first, again = _requested(site, series)
    assert (first["runId"], first["status"]) == (died["runId"], "FAILURE")
    assert again["tags"][REQUEST_TAG] != died["tags"][REQUEST_TAG]  # the sensor asks again
    site.finished(again["runId"])


def test_the_file_for_gpus_is_taken(site):
    override = ["--file", "docker/compose.gpu.yaml", "run", "--rm", "--no-deps", "--no-TTY"]
    shown = site.compose(*override, "code", "printenv", "NVIDIA_VISIBLE_DEVICES")
    assert shown.splitlines()[-1] == "all"


def test_a_new_shell_takes_it_down_and_keeps_the_volumes(engine, site):
    _type(site.user, "--profile receive down", {})
    assert engine.docker("ps", "--all", "--quiet") == ""
    assert len(engine.docker("volume", "ls", "--quiet", "--filter", "name=ich_").split()) == 3


def _requested(site: Site, series: str) -> list[dict]:
    """Return the runs of a series that the sensor has asked for."""
    return [
        run
        for run in site.server.runs()
        if run["tags"].get("dagster/partition") == series
        and run["tags"].get("dagster/sensor_name") == "dicom_inbox"
    ]
