"""Health and metrics: each fault is said once, and makes the answer 503."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ich_resources.arrivals import Cause
from ich_resources.inbox.reading import EndedSeries, InboxNow
from ich_resources.monitor.health import State, answer
from ich_resources.monitor.look import Limits, Look
from ich_resources.monitor.metrics import exposition

LIMITS = Limits(300.0, 1800.0, 10**9)
INBOX = InboxNow(
    {"due": 2, "requested": 1, "done": 5},
    {"RUN": 2},
    100.0,
    7,
    None,
    {"last_24_hours": {"series": 5, "p50": 30.0, "p95": 60.0}},
    (EndedSeries("1.2.3.99", "1.1", "v", "r", "done", ""),),
)
LOOK = Look(INBOX, False, 12.0, 40.0, {"run_root": 10**10}, (), {})
WELL = State(LOOK, 2.0, {"webserver": True}, {"webhook": {"waiting": 1, "undelivered": 0}})


def test_all_is_well():
    status, value = answer(WELL, LIMITS)
    assert (status, value["healthy"], value["faults"]) == (200, True, {})
    assert value["oldest_waiting_seconds"] == 40.0
    assert "1.2.3.99" not in str(value)


def test_a_run_root_without_an_inbox_is_well():
    look = replace(LOOK, inbox=None, tick_age_s=None)
    assert answer(replace(WELL, look=look), LIMITS)[0] == 200
    assert b"ich_look_age_seconds 2.0" in exposition(replace(WELL, look=look))


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        (replace(WELL, look_age_s=500.0), "monitor"),
        (replace(WELL, services={"daemon": False}), "daemon"),
        (replace(WELL, look=replace(LOOK, unreadable=True)), "index"),
        (replace(WELL, look=replace(LOOK, stalls={"NO_TICK": "1"})), "inbox NO_TICK"),
        (replace(WELL, look=replace(LOOK, stalls={"DISK": "1"})), "inbox DISK"),
        (replace(WELL, look=replace(LOOK, free={"inbox": 10**6})), "disk of inbox"),
        (replace(WELL, look=replace(LOOK, away=("inbox",))), "disk of inbox"),
        (replace(WELL, messages={"command": {"waiting": 0, "undelivered": 3}}), "hook command"),
    ],
)
def test_each_fault(state, fault):
    status, value = answer(state, LIMITS)
    assert (status, list(value["faults"])) == (503, [fault])


def test_a_paused_inbox_is_well_and_says_so():
    paused = INBOX._replace(cause=Cause("PAUSED", "by hand", 1.0, 2.0))
    status, value = answer(replace(WELL, look=replace(LOOK, inbox=paused)), LIMITS)
    assert (status, value["paused"]) == (200, True)


def test_metrics_can_be_parsed_and_hold_every_number():
    text = exposition(WELL).decode()
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["ich_queue_length",] == 3
    assert found["ich_oldest_waiting_seconds",] == 40
    assert found["ich_failures", "RUN"] == 2
    assert found["ich_inbox_stalled",] == 0
    assert found["ich_last_tick_age_seconds",] == 12
    assert found["ich_up", "webserver"] == 1
    assert found["ich_disk_free_bytes", "run_root"] == 10**10
    assert found["ich_seconds_to_result", "0.95"] == 60
    assert found["ich_messages", "webhook", "waiting"] == 1
    assert "1.2.3.99" not in text
