"""make doctor: a line for each thing, its remedy where it is wrong, and the exit status."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from live import ROOT

from ich_resources.environment import (
    DICOM_INBOX,
    DICOM_INPUT,
    LIVE_CONFIG,
    MODEL_DIR,
    RECEIVE_PORT,
    RUN_ROOT,
)

pytestmark = pytest.mark.slow


def doctor(home: Path, **variables: str) -> tuple[int, dict[str, str]]:
    """Run the command; return its status, and the mark and text of each line by its name."""
    ours = (DICOM_INBOX, DICOM_INPUT, LIVE_CONFIG, MODEL_DIR, RECEIVE_PORT, RUN_ROOT, "PORT")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "ich_assets.doctor"],
        env={**kept, "DAGSTER_HOME": str(home), **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert not done.stderr, done.stderr
    lines = [line for line in done.stdout.splitlines() if line]
    assert {line[:4] for line in lines} <= {"ok  ", "!   "}
    named = [line[4:].partition(": ") for line in lines]
    return done.returncode, {
        name: line[:2].strip() + " " + text
        for line, (name, _, text) in zip(lines, named, strict=True)
    }


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "conf" / "dagster.yaml").read_text())
    return home


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_fresh_clone_is_well(home):
    status, lines = doctor(home, PORT=str(free_port()))
    assert status == 0
    assert {line.split()[0] for line in lines.values()} == {"ok"}
    assert lines["RUN_ROOT"] == "ok not set; make demo and make ui need none"
    assert lines["codecs"] == "ok 9 compressions"
    assert lines["device in use"].startswith("ok ")


def test_each_fault_has_its_remedy_and_the_others_are_looked_at_all_the_same(home, tmp_path):
    text = (home / "dagster.yaml").read_text()
    (home / "dagster.yaml").write_text(
        text.replace("max_concurrent_runs: 4", "max_concurrent_runs: 2")
    )
    (tmp_path / "a file").touch()
    index = tmp_path / "results" / "state" / "inbox.sqlite"
    index.parent.mkdir(parents=True)
    index.write_bytes(b"not a database" * 100)
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        socket.create_server(("127.0.0.1", 0)) as too,
    ):
        status, lines = doctor(
            home,
            PORT=str(taken.getsockname()[1]),
            RECEIVE_PORT=str(too.getsockname()[1]),
            DICOM_INBOX=str(tmp_path / "no inbox"),
            DICOM_INPUT=str(tmp_path / "a file"),
            MODEL_DIR=str(tmp_path),
            RUN_ROOT=str(tmp_path / "results"),
        )
    assert status == 1
    wrong = {name: line for name, line in lines.items() if line.startswith("!")}
    assert {
        name: words in line
        for (name, line), words in zip(
            wrong.items(),
            (
                "this folder does not exist",
                "delete this file",
                "another program listens on port",
                "another program listens on port",
                "max_concurrent_runs is 2",
                "the inbox folder does not exist",
                "checkpoint missing",
            ),
            strict=True,
        )
    } == dict.fromkeys(wrong, True), wrong
    assert all(" -> " in line for line in wrong.values())
    assert lines["Python"].startswith("ok ")
