"""The real webserver and daemon behind the guard: attacks, and what the UI does."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest
from kills import find_part
from live import LAUNCH, ROOT, Webserver, free_port, wait, webserver
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ich_resources.demo.study import write_series
from ich_resources.environment import UI_HOSTS

pytestmark = pytest.mark.slow

FOREIGN = "http://evil.example"
JSON = {"Content-Type": "application/json"}
EVENTS = """
subscription($run: ID!) { pipelineRunLogs(runId: $run, cursor: null) {
  ... on PipelineRunLogsSubscriptionSuccess { messages { ... on MessageEvent { eventType } } } } }
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "home").mkdir()
    shutil.copy(ROOT / "conf" / "dagster.yaml", folder / "home")
    write_series(folder / "dicom", name="one", slices=3, bleed=False, size=64)
    return folder


@pytest.fixture(scope="module")
def environment(place) -> dict[str, str]:
    folders = {"DICOM_INPUT": "dicom", "RUN_ROOT": "results", "DAGSTER_HOME": "home"}
    ours = {name: str(place / folder) for name, folder in folders.items()}
    return os.environ | ours | {"PYTHONWARNINGS": "", UI_HOSTS: "ich-node.example"}


@pytest.fixture(scope="module")
def server(place, environment):
    with webserver(environment, place / "webserver.log") as running:
        yield running


def _params(place: Path) -> dict:
    folder = {"run_root": str(place / "written by an attack")}
    return {
        "selector": {
            "repositoryLocationName": "ich",
            "repositoryName": "__repository__",
            "jobName": "ich_scan",
        },
        "runConfigData": {"resources": {"storage": {"config": folder}}},
        "mode": "default",
    }


def _send(server: Webserver, method: str, path: str, headers, body=None, *, chunked=False) -> int:
    """Send a request as it is, and return the status."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    if chunked:
        body = iter([body])
        headers = headers | {"Transfer-Encoding": "chunked"}
    with closing(connection):
        with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before the body
            connection.request(method, path, body, dict(headers), encode_chunked=chunked)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def _attacks(place: Path):
    """Yield method, path, headers, body and whether it is chunked."""
    variables = _params(place)
    body = json.dumps({"query": LAUNCH, "variables": {"params": variables}}).encode()
    url = "/graphql?" + urlencode({"query": LAUNCH, "variables": json.dumps({"params": variables})})
    here = {"Host": "localhost"}
    yield "GET", url, {}, None, False
    yield "GET", url, {"Host": "evil.example", "Origin": FOREIGN}, None, False
    yield "GET", url, {"Accept": "text/html"}, None, False
    for kind in ("text/plain", "application/x-www-form-urlencoded", "text/plain;application/json"):
        for chunked in (False, True):
            yield "POST", "/graphql", here | {"Content-Type": kind}, body, chunked
            yield "POST", url, here | {"Content-Type": kind}, b"a=b", chunked
    yield "POST", url, here, b"", False
    yield "POST", "/graphql", {"Content-Type": "application/graphql"}, LAUNCH.encode(), False
    yield "POST", "/graphql", JSON | {"Origin": FOREIGN}, body, False
    yield "POST", "/graphql", JSON | {"Origin": FOREIGN}, body, True
    yield "POST", "/graphql", JSON | {"Origin": "null"}, body, False
    yield "POST", "/graphql", JSON | {"Origin": "http://127.0.0.1:1"}, body, False
    yield "POST", "/graphql", JSON | {"Host": "evil.example"}, body, False
    yield "POST", "/graphql", JSON | {"Host": "evil.example", "Origin": FOREIGN}, body, False
    yield "POST", "/graphql", JSON | {"Sec-Fetch-Site": "cross-site"}, body, False
    yield "OPTIONS", "/graphql", {"Origin": FOREIGN}, None, False
    for kind in ("materialization", "observation", "check"):
        path = f"/report_asset_{kind}/processed_series"
        report = b'{"check_name": "a", "passed": true, "metadata": {}}'
        yield "POST", path, here, b"", False
        yield "POST", path, JSON, report, False
        yield "POST", f"/report%5Fasset_{kind}/processed_series", JSON, report, True


def test_no_attack_reaches_dagster(server, place):
    statuses = [_send(server, *attack[:4], chunked=attack[4]) for attack in _attacks(place)]
    assert len(statuses) > 30
    assert set(statuses) <= {400, 403, 405, 415}
    assert server.runs() == []
    assert not (place / "written by an attack").exists()
    shown = "query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {"
    shown += " assetMaterializations { runId } assetObservations { runId } } } }"
    node = server.ask(shown, key={"path": ["processed_series"]})["assetNodeOrError"]
    assert node == {"assetMaterializations": [], "assetObservations": []}


def test_what_the_ui_does_still_works(server):
    port = server.url.rpartition(":")[2]
    body = b'{"query": "{ version }"}'
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost:3017", "[::1]:1"):
        headers = JSON | {"Host": host, "Origin": f"http://{host}"}
        assert _send(server, "POST", "/graphql", headers, body) == 200
        assert _send(server, "POST", "/graphql", headers, body, chunked=True) == 200
        assert _send(server, "GET", "/assets", {"Host": host}) == 200
    proxied = JSON | {"Origin": "https://ich-node.example"}
    assert _send(server, "POST", "/graphql", proxied, body) == 200
    assert _send(server, "POST", "/graphql", proxied | {"Host": "ich-node.example"}, body) == 200
    assert _send(server, "GET", "/graphql?query=%7Bversion%7D", {}) == 200
    assert _send(server, "GET", "/graphql", {"Accept": "text/html"}) == 200


def _subscribe(server: Webserver, origin: str | None, run: str = "none", **options):
    url = server.url.replace("http", "ws") + "/graphql"
    with connect(url, origin=origin, subprotocols=["graphql-ws"], **options) as socket_:
        socket_.send(json.dumps({"type": "connection_init", "payload": {}}))
        assert json.loads(socket_.recv(30))["type"] == "connection_ack"
        payload = {"query": EVENTS, "variables": {"run": run}}
        socket_.send(json.dumps({"type": "start", "id": "1", "payload": payload}))
        while True:
            yield json.loads(socket_.recv(120))


@pytest.mark.parametrize(
    "origin", [FOREIGN, "null", "http://127.0.0.1:1", "http://localhost.evil.example"]
)
def test_a_websocket_of_another_page_is_not_opened(server, origin):
    with pytest.raises(InvalidStatus) as refused:
        next(_subscribe(server, origin))
    assert refused.value.response.status_code == 403


def test_a_websocket_by_another_name_is_not_opened(server):
    host = {"Host": "evil.example"}
    with pytest.raises(InvalidStatus) as refused:
        next(_subscribe(server, FOREIGN, additional_headers=host))
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("own", [True, False])
def test_a_run_and_its_subscription(server, own):
    run = server.launch("ich_scan", {})
    seen: list[str] = []
    for message in _subscribe(server, server.url if own else None, run):
        assert message["type"] == "data", message
        messages = message["payload"]["data"]["pipelineRunLogs"]["messages"]
        seen += [event["eventType"] for event in messages if event]
        if {"RUN_SUCCESS", "RUN_FAILURE"} & set(seen):
            break
    assert "RUN_SUCCESS" in seen


def _listening(port: int) -> bool:
    socket.create_connection(("127.0.0.1", port), 5).close()
    return True


def test_sigterm_ends_what_a_script_started_in_the_background(environment, tmp_path):
    port, module = free_port(), "ich_assets.runtime.web"
    home = tmp_path / "home"
    home.mkdir()
    command = f"{sys.executable} -m {module} dev -w workspace.yaml -h 127.0.0.1 -p {port}"
    # Without job control, as in a script: the shell lets it ignore SIGINT.
    script = f"{command} >'{tmp_path}/log' 2>&1 & echo $!"
    done = subprocess.run(
        ["sh", "-c", script],
        env=environment | {"DAGSTER_HOME": str(home)},
        cwd=ROOT,
        text=True,
        capture_output=True,
    )
    pid = int(done.stdout)
    assert wait(120, lambda: _listening(port)), (tmp_path / "log").read_text()
    os.kill(pid, signal.SIGTERM)
    assert wait(60, lambda: not _is_alive(pid)), (tmp_path / "log").read_text()
    with pytest.raises(OSError, match="refused"):
        _listening(port)
    text = (tmp_path / "log").read_text()
    assert "Traceback" not in text
    assert text.rstrip().endswith("Dagster services shut down.")


def _is_alive(pid: int) -> bool:
    """Return whether a process runs; one that nobody waited for has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({UI_HOSTS: "http://ich.example"}, "UI_HOSTS: 'http://ich.example' is not a host name"),
        ({}, "the webserver cannot listen on 127.0.0.1, port"),
    ],
)
def test_a_start_that_cannot_be_is_one_sentence(environment, variables, words):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "ich_assets.runtime.web", "dev", "-h", "127.0.0.1", "-p", port],
            env=environment | variables,
            cwd=ROOT,
            text=True,
            capture_output=True,
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(words) and " -> " in line


def test_a_code_server_that_was_killed_comes_back_by_itself(server):
    """Dagster starts it again only where a person asks for it."""
    query = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"

    def answers() -> bool:
        return bool(server.ask(query)["repositoriesOrError"].get("nodes"))

    assert wait(60, answers)
    killed = find_part(server, "code server")
    assert killed
    for process in killed:
        process.kill()
    assert wait(60, lambda: not answers()), "nothing was killed"
    assert wait(120, answers)
    alive = find_part(server, "code server")
    assert alive and {p.pid for p in alive}.isdisjoint(p.pid for p in killed)
