"""The sensor requests runs: how many, which first, and what follows when a run ends early."""

from dagster import DagsterRunStatus
from inbox import Inbox, head, late_slice, series_of

from ich_resources.demo.study import (
    write_demo_study,
)
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import found_series


def test_requests_are_late_and_small_and_take_bites_of_a_backlog(inbox):
    names = [head(inbox, f"h{i}", study=f"s{i}") for i in range(6)]
    first, second = inbox.settled().run_requests
    assert (first.job_name, second.job_name) == ("ich_series", "ich_series")
    run = inbox.launch(first, DagsterRunStatus.STARTED)
    inbox.launch(second, DagsterRunStatus.NOT_STARTED)
    asked = series_of(first) + series_of(second)
    assert inbox.tick().run_requests == []  # one more than the pool has places
    assert sorted(inbox.table().loc[names, "phase"]) == ["due"] * 4 + ["requested", "running"]
    left = set(names) - set(asked)
    assert set(inbox.table().loc[list(left), "sentence"]) == {"it waits for its turn"}
    inbox.measured(seconds_per_slice=20)  # three slices take a minute: two series a bite
    inbox.instance.report_run_canceled(run)
    (bite,) = inbox.tick().run_requests
    assert bite.job_name == "ich_backlog"
    assert len(series_of(bite)) == 2
    assert bite.tags["ich/series"] == "2 series of 2 studies"
    assert set(series_of(bite)) < left
    partitions = inbox.instance.get_dynamic_partitions("series")
    assert set(partitions) == {*asked, *series_of(bite)}


def test_a_study_is_one_run_with_its_primary_first(inbox):
    study = write_demo_study(inbox.folder, slices=3)
    head(inbox, "other", study="another")
    of_study, of_other = sorted(inbox.settled().run_requests, key=lambda r: r.job_name)
    assert of_study.job_name == "ich_backlog"
    assert sorted(series_of(of_study)) == sorted([study.bleed_series, study.plain_series])
    primary = found_series(Layout(inbox.run_root), series_of(of_study)[0])
    assert primary.primary
    assert of_other.job_name == "ich_series"


def test_an_urgent_study_is_requested_beyond_what_is_queued_and_overtakes_it(tmp_path):
    rule = {"field": "folder", "pattern": "Emergency", "priority": 7}
    inbox = Inbox(tmp_path, priorities=[rule])
    for i in range(4):
        head(inbox, f"h{i}", study=f"s{i}")
    running, queued = inbox.settled().run_requests
    inbox.launch(running, DagsterRunStatus.STARTED)
    inbox.launch(queued, DagsterRunStatus.NOT_STARTED)
    urgent = head(inbox, "emergency room", study="e")
    (request,) = inbox.settled().run_requests
    assert request.partition_key == urgent
    assert request.tags["dagster/priority"] == "7"
    inbox.launch(request, DagsterRunStatus.NOT_STARTED)
    head(inbox, "emergency ward", study="f")
    assert inbox.settled().run_requests == []  # one beyond, and no more


def test_a_rule_that_is_not_one_stops_requests_and_is_named_while_arrivals_are_recorded(tmp_path):
    inbox = Inbox(tmp_path, priorities=[{"field": "folder", "pattern": "(", "priority": 1}])
    series = head(inbox)
    result = inbox.settled()
    assert result.run_requests == []
    assert "inbox.priorities, rule 1: '(' is not a regular" in result.skip_reason.skip_message
    assert inbox.table().loc[series, ["phase", "codes"]].to_list() == ["waiting", "BAD_RULE"]
    inbox.options["priorities"] = []
    assert len(inbox.tick().run_requests) == 1


def test_a_paused_inbox_records_arrivals_and_requests_nothing(tmp_path):
    inbox = Inbox(tmp_path, paused=True)
    series = head(inbox)
    assert inbox.settled().run_requests == []
    assert inbox.table().loc[series, ["state", "phase", "codes"]].to_list() == [
        "admitted",
        "waiting",
        "PAUSED",
    ]
    inbox.options["paused"] = False
    assert len(inbox.tick().run_requests) == 1


def test_a_request_that_dagster_never_wrote_down_is_made_again(inbox):
    series = head(inbox)
    (lost,) = inbox.settled().run_requests
    (again,) = inbox.tick().run_requests
    assert again.partition_key == series
    # The first is launched after all: no third.
    inbox.launch(lost, DagsterRunStatus.STARTING)
    assert inbox.tick().run_requests == []
    assert inbox.tick().run_requests == []


def test_a_run_that_dies_without_a_word_is_requested_three_times_at_most(inbox):
    series = head(inbox)
    result = inbox.settled()
    for _ in range(3):
        (request,) = result.run_requests
        inbox.die(request)
        result = inbox.tick()
    assert result.run_requests == []
    assert inbox.table().loc[series, "state"] == "failed"
    assert "3 times without a result" in inbox.table().loc[series, "sentence"]


def test_a_run_that_dies_before_it_begins_is_asked_for_again_later_and_no_series_is_to_blame(inbox):
    series = head(inbox)
    result = inbox.settled()
    for seconds in (10, 20, 40, 80, 160, 300, 300):
        (request,) = result.run_requests
        inbox.die(request, at_work=False)
        assert inbox.tick().run_requests == []
        row = inbox.table().loc[series]
        assert row[["state", "phase", "codes"]].to_list() == ["admitted", "waiting", "RUN"]
        assert "before it began a series" in row["sentence"]
        inbox.wait(seconds - 3)
        assert inbox.tick().run_requests == []
        inbox.wait(3)
        result = inbox.tick()
    (request,) = result.run_requests
    inbox.launch(request, DagsterRunStatus.STARTED)
    inbox.tick()
    assert inbox.table().loc[series, ["state", "phase"]].to_list() == ["running", "running"]


def test_series_wait_while_checkpoints_are_away_and_run_by_themselves_when_they_are_back(inbox):
    inbox.models.rename(inbox.models.with_name("away"))
    series = head(inbox)
    result = inbox.settled()
    assert result.run_requests == []
    assert result.skip_reason.skip_message.startswith("No run is requested: DenseNet121")
    row = inbox.table().loc[series]
    assert row[["state", "phase", "codes"]].to_list() == ["admitted", "waiting", "CheckpointError"]
    assert "checkpoint missing" in row["sentence"]
    inbox.models.with_name("away").rename(inbox.models)
    (request,) = inbox.tick().run_requests
    assert series_of(request) == [series]
    assert inbox.table().loc[series, ["phase", "codes"]].to_list() == ["requested", ""]


def test_a_run_that_dagster_repeats_is_not_requested_again(inbox):
    series = head(inbox)
    (request,) = inbox.settled().run_requests
    inbox.launch(request, DagsterRunStatus.FAILURE, dagster__will_retry="true")
    assert inbox.tick().run_requests == []
    assert "is repeated" in inbox.table().loc[series, "sentence"]


def test_a_run_that_somebody_cancelled_is_not_requested_again(inbox):
    series = head(inbox)
    (request,) = inbox.settled().run_requests
    inbox.launch(request, DagsterRunStatus.CANCELED)
    assert inbox.tick().run_requests == []
    row = inbox.table().loc[series]
    assert row["state"] == "failed"
    assert "was cancelled" in row["sentence"]
    late_slice(inbox)
    assert len(inbox.settled().run_requests) == 1  # a new version is a new case
