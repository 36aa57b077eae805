"""How often Dagster gets the table of the inbox: it keeps every copy."""

from types import SimpleNamespace

import pytest
from dagster import DagsterRunStatus
from inbox import Inbox, head

from ich_assets.sensors import reporting


@pytest.fixture
def clock(monkeypatch):
    """The time that reporting sees, which a test sets."""
    seconds = [1_000_000.0]
    monkeypatch.setattr(reporting, "time", SimpleNamespace(time=lambda: seconds[0]))
    return seconds


def told(result) -> list[dict]:
    found = [e for e in result.asset_events if e.asset_key.path == ["inbox_ledger"]]
    return [{k: v.value for k, v in event.metadata.items()} for event in found]


def test_an_event_comes_at_once_then_every_five_minutes_and_at_the_end(tmp_path, clock):
    inbox = Inbox(tmp_path)
    head(inbox)
    assert told(inbox.tick())[0]["series_arriving"] == 1
    (request,) = (result := inbox.settled()).run_requests
    assert told(result) == []
    run = inbox.launch(request, DagsterRunStatus.STARTED)
    clock[0] += 299
    assert told(inbox.tick()) == []
    clock[0] += 1
    assert told(inbox.tick())[0]["series_running"] == 1  # nothing had changed: it was withheld
    assert told(inbox.tick()) == []
    inbox.instance.report_run_canceled(run)
    assert told(inbox.tick())[0]["series_failed"] == 1


def test_a_fault_of_the_machine_is_told_at_once_and_so_is_its_end(tmp_path, clock):
    inbox = Inbox(tmp_path)
    head(inbox)
    assert len(told(inbox.settled())) == 0
    inbox.models.rename(inbox.models.with_name("away"))
    assert "checkpoint missing" in told(inbox.tick())[0]["waiting_for"]
    inbox.models.with_name("away").rename(inbox.models)
    (event,) = told(inbox.tick())
    assert "waiting_for" not in event
