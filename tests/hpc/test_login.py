"""The login before the UI: the nginx of compose.yaml's profile, with its own file."""

import base64
import getpass
import json
import os
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import require_compose
from engines import engine_is_missing
from live import ROOT, free_port, wait
from tls import certificate

pytestmark = [pytest.mark.hpc, pytest.mark.slow]

TEMPLATE = ROOT / "docker" / "login.conf.template"
FRAME = """
daemon off; pid {0}/pid; user {1}; error_log stderr;
events {{}}
http {{
    access_log off; client_body_temp_path {0}/body; proxy_temp_path {0}/proxy;
    fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s;
    include {0}/login.conf;
}}
"""
PASSWORD = 'pass:"wörd $1'
QUESTION = "{ version }"
CHANGE = 'mutation { setConcurrencyLimit(concurrencyKey: "gpu", limit: 2) }'


class Door:
    """One port of nginx, and who may enter."""

    def __init__(self, port: int, user: str) -> None:
        self.url, self.user = f"https://127.0.0.1:{port}", user
        self.trust = ssl.create_default_context()
        self.trust.check_hostname, self.trust.verify_mode = False, ssl.CERT_NONE

    def ask(self, query: str, user: str = "", password: str = PASSWORD, **headers: str):
        """Return status and answer of a query by POST."""
        secret = base64.b64encode(f"{user or self.user}:{password}".encode()).decode()
        request = urllib.request.Request(
            f"{self.url}/graphql",
            json.dumps({"query": query}).encode(),
            {"Content-Type": "application/json", "Authorization": f"Basic {secret}", **headers},
        )
        try:
            with urllib.request.urlopen(request, context=self.trust, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as err:
            return err.code, err.read().decode()


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, Door]]:
    """The doors of operators and of readers, each before a real webserver."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        engine_is_missing("no nginx here: tests/hpc/install_services.sh")
    folder = tmp_path_factory.mktemp("login")
    certificate(folder, ["ich.example.org"])
    servers, places = [], {}
    for name, more in (("operators", []), ("readers", ["--read-only"])):
        (folder / name).write_text(f"{name[:-1]}:{_hash(PASSWORD)}\n")
        home = folder / f"home of {name}"
        home.mkdir()
        shutil.copy(ROOT / "conf" / "dagster.yaml", home)
        places[name] = free_port()
        command = [sys.executable, "-m", "ich_assets.runtime.web", "webserver", "-h", "127.0.0.1"]
        command += ["-p", str(places[name]), "--empty-workspace", *more]
        environment = {**os.environ, "DAGSTER_HOME": str(home)}
        servers.append(subprocess.Popen(command, cwd=ROOT, env=environment))
    found = Door(free_port(), "operator"), Door(free_port(), "reader")
    text = TEMPLATE.read_text().replace("/etc/nginx/login", str(folder))
    for door, name, port in zip(found, places, ("8443", "8444"), strict=True):
        text = text.replace(f"{port} ssl", f"{door.url.rpartition(':')[2]} ssl")
        text = text.replace(f"${{{name.upper()}_AT}}", f"127.0.0.1:{places[name]}")
    (folder / "login.conf").write_text(text)
    (folder / "nginx.conf").write_text(FRAME.format(folder, getpass.getuser()))
    servers.append(subprocess.Popen([nginx, "-p", folder, "-c", folder / "nginx.conf"]))
    try:
        assert wait(180, lambda: all(door.ask(QUESTION)[0] == 200 for door in found))
        yield found
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(60)


def _hash(password: str) -> str:
    command = ["openssl", "passwd", "-6", "-stdin"]
    done = subprocess.run(command, input=password, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_nobody_enters_without_the_right_name_and_password(doors):
    operators, readers = doors
    for door in doors:
        assert door.ask(QUESTION, password="wrong")[0] == 401
        assert door.ask(QUESTION, user="nobody")[0] == 401
    assert operators.ask(QUESTION, user="reader")[0] == 401
    assert readers.ask(QUESTION, user="operator")[0] == 401


def test_operators_may_change_and_readers_only_look(doors):
    operators, readers = doors
    assert operators.ask(QUESTION)[1]["data"]["version"]
    assert operators.ask(CHANGE) == (200, {"data": {"setConcurrencyLimit": True}})
    assert readers.ask(QUESTION)[1]["data"]["version"]
    status, answer = readers.ask(CHANGE)
    assert status == 500 and "UnauthorizedError" in answer, answer


def test_the_guard_still_stands_behind_the_login(doors):
    operators, _ = doors
    assert operators.ask(QUESTION, Origin=operators.url)[0] == 200
    assert operators.ask(QUESTION, Origin="https://evil.example.org")[0] == 403
    status, sentence = operators.ask(QUESTION, Host="ich.example.org")
    assert status == 403 and "UI_HOSTS" in sentence


def test_compose_takes_the_profile(tmp_path: Path):
    require_compose()
    folders = dict.fromkeys(("DICOM_INBOX", "MODEL_DIR", "RUN_ROOT"), str(tmp_path))
    command = ["docker", "compose", "--file", "docker/compose.yaml", "--profile", "login"]
    done = subprocess.run(
        [*command, "config", "--services"],
        cwd=ROOT,
        env={**os.environ, **folders},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert {"login", "readers", "webserver", "monitor"} <= set(done.stdout.split())
