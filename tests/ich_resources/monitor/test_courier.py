"""Deliveries: a server and a program that take messages, fail, and hang."""

import json
import logging
import sys
import time
from collections.abc import Iterator

import psutil
import pytest
from live import wait
from webhook import SECRET, WebhookServer

from ich_resources.environment import HOOK_TOKEN
from ich_resources.monitor.courier import Courier, by_command, by_webhook
from ich_resources.monitor.messages import Message
from ich_resources.monitor.outbox import Outbox

MESSAGE = Message("ab" * 16, "result", "now", "1.2", "1.1", "done", "", 0.9, 0.5)


@pytest.fixture
def server() -> Iterator[WebhookServer]:
    server = WebhookServer()
    yield server
    server.end()


def test_a_webhook_gets_message_id_and_token(server):
    assert by_webhook(server.url, SECRET)(MESSAGE) == ""
    assert server.got == [(MESSAGE.id, f"Bearer {SECRET}", MESSAGE.to_json())]
    assert set(MESSAGE.to_json()) == {
        "id",
        "kind",
        "time",
        "series_instance_uid",
        "study_instance_uid",
        "state",
        "codes",
        "p_any",
        "threshold",
        "trained_on",
    }


@pytest.mark.parametrize("status", [500, 302, 404, 0, -1])
def test_a_webhook_that_does_not_take_it_fails_and_names_no_secret(server, status, tmp_path):
    server.statuses = [status]
    why = by_webhook(server.url, SECRET, timeout_s=0.5)(MESSAGE)
    assert why.startswith("the server") and SECRET not in why
    assert len(server.got) == 1  # no redirection is followed


def test_a_server_that_is_away(server):
    server.end()
    assert "did not answer" in by_webhook(server.url)(MESSAGE)


def test_a_courier_tries_again_with_the_same_id_and_goes_on(server, tmp_path, caplog):
    caplog.set_level(logging.INFO, "ich.monitor")
    server.statuses = [500, 0]
    other = Message("cd" * 16, "stalled", "now", codes="NO_TICK")
    outbox = Outbox(tmp_path, 0.3)
    outbox.add(MESSAGE)
    outbox.add(other)
    courier = Courier("webhook", outbox, by_webhook(server.url, SECRET, timeout_s=0.5), 0.1)
    courier.start()
    end = time.monotonic() + 20
    while outbox.counts["waiting"] and time.monotonic() < end:
        time.sleep(0.02)
    courier.stop()
    courier.join(5)
    assert list(tmp_path.iterdir()) == []
    assert len(server.got) == 4
    assert {identity for identity, _, _ in server.got} == {MESSAGE.id, other.id}
    assert SECRET not in caplog.text and "was delivered" in caplog.text


SCRIPT = """
import os, sys
text = sys.stdin.read()
open(sys.argv[1], "a").write(text + os.environ["ICH_MESSAGE_ID"] + str("HOOK_TOKEN" in os.environ))
"""


def test_a_command_gets_the_message_and_no_token(tmp_path, monkeypatch):
    monkeypatch.setenv(HOOK_TOKEN, SECRET)
    got = tmp_path / "got; $HOME"
    assert by_command([sys.executable, "-c", SCRIPT, str(got)])(MESSAGE) == ""
    assert got.read_text() == json.dumps(MESSAGE.to_json()) + MESSAGE.id + "False"


def test_commands_that_fail_or_do_not_exist(tmp_path):
    assert "status 3" in by_command(["sh", "-c", "exit 3"])(MESSAGE)
    assert "cannot be started" in by_command([str(tmp_path / "nothing")])(MESSAGE)


def test_a_command_that_hangs_is_ended_with_what_it_has_started(tmp_path):
    began, child = time.monotonic(), tmp_path / "child"
    command = ["sh", "-c", f"sleep 600 & echo $! > {child}; wait"]
    # A machine that is busy may need longer until the child has started.
    for timeout in (0.2, 2, 20):
        assert "took longer" in by_command(command, timeout_s=timeout)(MESSAGE)
        if child.is_file() and child.read_text().endswith("\n"):
            break
    assert wait(20, lambda: ended(int(child.read_text())), 0.05)
    assert time.monotonic() - began < 300


def ended(pid: int) -> bool:
    """Return whether a process is gone, or waits only for its parent."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
