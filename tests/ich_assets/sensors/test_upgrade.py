"""What version 0.1 has left: its requests, its index and its LIVE_CONFIG. Nothing is doubled."""

import sqlite3
from contextlib import closing

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from inbox import Inbox, head, series_of

from ich_assets.definitions import defs
from ich_assets.sensors.ready import SINGLE_RUNS, notices
from ich_resources.environment import LIVE_CONFIG


@pytest.fixture
def before(tmp_path) -> tuple[Inbox, list[dg.RunRequest]]:
    """An inbox with five requested series, as version 0.1 has left it: an attempt per request."""
    inbox = Inbox(tmp_path, ahead=5)
    for i in range(5):
        head(inbox, f"h{i}", study=f"s{i}")
    requests = inbox.settled().run_requests
    with closing(sqlite3.connect(inbox.run_root / "state" / "inbox.sqlite")) as index, index:
        index.execute("UPDATE arrivals SET attempts = 1")
        index.execute("DELETE FROM notes WHERE name IN ('attempts', 'requests made', 'cause')")
    inbox.options.pop("ahead")
    return inbox, requests


def test_queued_and_running_runs_are_left_alone_and_end_as_they_would_have(before):
    inbox, (running, *queued) = before
    run = inbox.launch(running, DagsterRunStatus.STARTED, dagster__max_retries="2")
    for request in queued:
        inbox.launch(request, DagsterRunStatus.NOT_STARTED, dagster__max_retries="2")
    late = head(inbox, "late", study="late")
    assert inbox.settled().run_requests == []  # far more than ahead are left
    assert sorted(inbox.table()["phase"]) == ["due"] + ["requested"] * 4 + ["running"]
    inbox.instance.report_run_canceled(run)
    assert inbox.tick().run_requests == []
    assert inbox.table().loc[late, "phase"] == "due"


def test_the_request_that_was_counted_before_is_not_an_attempt(before):
    inbox, requests = before
    for request in requests[:4]:
        inbox.launch(request, DagsterRunStatus.NOT_STARTED)
    (last,) = requests[4:]
    (uid,) = series_of(last)
    inbox.options["ahead"] = 9
    for _ in range(2):
        inbox.die(last)
        (last,) = inbox.tick().run_requests
        assert series_of(last) == [uid]
    inbox.die(last)
    assert inbox.tick().run_requests == []
    assert inbox.table().loc[uid, "state"] == "failed"


def test_a_live_config_of_single_runs_is_read_and_gets_one_sentence(tmp_path, monkeypatch):
    file = tmp_path / "live.yaml"
    file.write_text("resources: {inbox: {config: {single_runs: 4, quiet_seconds: 0}}}")
    monkeypatch.setenv(LIVE_CONFIG, str(file))
    assert notices() == [SINGLE_RUNS]
    inbox = Inbox(tmp_path)
    head(inbox)
    assert len(inbox.tick().run_requests) == 1
    file.write_text("resources: {inbox: {config: {quiet_seconds: 0}}}")
    assert notices() == []


def test_the_run_configuration_of_a_queued_run_still_fits():
    config = {"resources": {"inbox": {"config": {"single_runs": 4, "quiet_seconds": 60}}}}
    assert dg.validate_run_config(defs.resolve_job_def("ich_series"), config)
    config["ops"] = {"arrived_series": {"config": {"series": ["1.2"]}}}
    assert dg.validate_run_config(defs.resolve_job_def("ich_backlog"), config)
