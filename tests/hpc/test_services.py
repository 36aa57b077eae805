"""The systemd units: systemd itself reads them, and they keep what they promise."""

import configparser
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from engines import engine_is_missing
from live import ROOT, free_port, wait

pytestmark = pytest.mark.hpc

UNITS = ROOT / "conf" / "systemd"
NAMES = {"code", "daemon", "webserver", "receiver", "monitor"}
INSTALLED = "/opt/ich"


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string(path.read_text())
    return parser


def test_systemd_reads_them(tmp_path):
    if not shutil.which("systemd-analyze"):
        engine_is_missing("no systemd-analyze here: tests/hpc/install_services.sh")
    programs = tmp_path / "opt" / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "dagster", "dagster-daemon"):
        (programs / name).symlink_to("/bin/true")
    files = []
    for path in sorted(UNITS.iterdir()):
        if path.suffix in (".service", ".target"):
            files.append(tmp_path / path.name)
            files[-1].write_text(path.read_text().replace(INSTALLED, str(tmp_path / "opt")))
    assert len(files) == len(NAMES) + 1
    command = ["systemd-analyze", "verify", "--man=no", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_comes_back_alone_and_writes_to_the_journal(name):
    found = unit(UNITS / f"ich-{name}.service")
    service = found["Service"]
    assert service["Restart"] == "always" and found["Unit"]["StartLimitIntervalSec"] == "0"
    assert not {"Requires", "BindsTo", "Upholds"} & set(found["Unit"])  # no other ends with it
    assert not {"StandardOutput", "StandardError"} & set(service)  # the default is the journal
    assert f"ich-{name}.service" in unit(UNITS / "ich.target")["Unit"]["Wants"]


def test_a_restart_of_the_code_server_takes_no_run_with_it():
    service = unit(UNITS / "ich-code.service")["Service"]
    assert (service["KillMode"], service["OOMPolicy"]) == ("process", "continue")


def test_the_commands_and_the_environment_exist():
    settings = (UNITS / "ich.env").read_text()
    for path in UNITS.glob("*.service"):
        command = unit(path)["Service"]["ExecStart"]
        if "${ICH_LOG_LEVEL}" in command:
            assert "ICH_LOG_LEVEL=warning" in settings
        module = command.partition(" -m ")[2].split()[:1]
        for name in module:
            assert (ROOT / name.replace(".", "/")).exists() or name.startswith("ich_assets.def")
    (server,) = yaml.safe_load((UNITS / "workspace.yaml").read_text())["load_from"]
    port = server["grpc_server"]["port"]
    assert f"-p {port} " in unit(UNITS / "ich-code.service")["Service"]["ExecStart"]
    assert f"MONITOR_CODE_SERVER=127.0.0.1:{port}" in settings


SLOW_JOB = """
import time, dagster as dg
from pathlib import Path

@dg.op
def waits():
    here = Path(__file__).parent
    (here / "began").touch()
    while not (here / "go").exists():
        time.sleep(0.1)
    (here / "ended").touch()

@dg.job(executor_def=dg.in_process_executor)
def long_run():
    waits()

defs = dg.Definitions(jobs=[long_run])
"""
WORKSPACE = "load_from: [{{grpc_server: {{host: 127.0.0.1, port: {}, location_name: ich}}}}]"
AT_ONCE = """
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
"""


@pytest.mark.slow
def test_a_run_goes_on_while_its_code_server_is_killed_and_comes_back(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW_JOB)
    (tmp_path / "dagster.yaml").write_text(AT_ONCE)
    port = free_port()
    (tmp_path / "workspace.yaml").write_text(WORKSPACE.format(port))
    dagster = str(Path(sys.executable).with_name("dagster"))
    serve = [dagster, "api", "grpc", "-h", "127.0.0.1", "-p", str(port), "-f", "slow.py"]
    user = {"cwd": tmp_path, "env": {**os.environ, "DAGSTER_HOME": str(tmp_path)}}

    def answers() -> bool:
        return socket.create_connection(("127.0.0.1", port)).close() is None

    first = subprocess.Popen(serve, **user)
    try:
        assert wait(60, answers)
        launch = [dagster, "job", "launch", "-w", "workspace.yaml", "-j", "long_run"]
        subprocess.run(launch, check=True, capture_output=True, **user)
        assert wait(60, (tmp_path / "began").exists)
    finally:
        first.kill()  # as systemd does after the timeout: this process alone
        first.wait()
    again = subprocess.Popen(serve, **user)
    try:
        assert wait(60, answers)
        (tmp_path / "go").touch()
        assert wait(30, (tmp_path / "ended").exists)
    finally:
        (tmp_path / "go").touch()
        again.kill()
        again.wait()
