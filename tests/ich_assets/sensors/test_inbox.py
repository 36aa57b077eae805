"""The sensor: what comes into the inbox, in any order, ends in the ledger and in one run."""

import shutil

import pydicom
import pytest
from dagster import DagsterRun, DagsterRunStatus
from dagster._core.events import EngineEventData
from inbox import Inbox, head, late_slice, series_of, touch

from ich_assets.runtime.run_tags import host_tag
from ich_assets.sensors import reporting
from ich_resources.demo.study import (
    Acquisition,
    uid,
    write_demo_study,
    write_localizer,
    write_series,
)
from ich_resources.dicom.resource import DicomResource
from ich_resources.environment import DICOM_INBOX, LIVE_CONFIG, RUN_ROOT
from ich_resources.errors import DicomError, IchError, StorageError
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import found_series


@pytest.fixture
def inbox(tmp_path) -> Inbox:
    return Inbox(tmp_path)


def test_a_series_waits_until_it_is_quiet_and_gets_one_run_in_the_same_tick(inbox):
    series = head(inbox)
    assert inbox.tick().run_requests == []
    assert inbox.table().loc[series, "state"] == "arriving"
    assert inbox.table().loc[series, "sentence"] == "3 files, 30 s left"
    late_slice(inbox)
    result = inbox.settled()
    (request,) = result.run_requests
    assert (request.job_name, request.partition_key) == ("ich_series", series)
    assert request.run_key is None
    assert request.tags.items() >= {"dagster/max_retries": "0", "dagster/priority": "0"}.items()
    (partitions,) = result.dynamic_partitions_requests
    assert partitions.partition_keys == [series]
    assert [e.partition for e in result.asset_events if e.asset_key.path == ["dicom_series"]] == [
        series
    ]
    assert inbox.table().loc[series, ["state", "admitted"]].to_list() == ["admitted", "4"]
    inbox.launch(request, DagsterRunStatus.STARTED)
    assert inbox.tick().run_requests == []
    assert inbox.table().loc[series, "state"] == "running"


def test_the_table_says_when_each_series_went_on_and_how_long_its_result_took(inbox):
    series = head(inbox)
    (request,) = inbox.settled().run_requests
    run = inbox.launch(request, DagsterRunStatus.NOT_STARTED)
    inbox.instance.report_run_canceled(run)  # failed; then somebody runs it by hand
    inbox.tick()
    row = inbox.table().loc[series]
    moments = row[["first_file", "complete", "requested", "done"]].to_list()
    assert moments == sorted(moments) and all(moments)
    assert (row["state"], row["seconds_to_result"]) == ("failed", "")


def test_the_row_of_a_series_whose_runs_crashed_names_their_last_words(inbox):
    series = head(inbox)
    (request,) = inbox.settled().run_requests
    for _ in range(3):
        run = inbox.die(request)
        path = Layout(inbox.run_root).last_words(run.run_id)
        path.parent.mkdir(exist_ok=True)
        path.write_text("Fatal Python error: Segmentation fault\n\nThread 0x1")
        request = next(iter(inbox.tick().run_requests), None)
    row = inbox.table().loc[series]
    assert row["state"] == "failed"
    assert f"the last time: Fatal Python error: Segmentation fault [{path}]" in row["sentence"]


def test_seconds_left_are_counted_down(tmp_path):
    inbox = Inbox(tmp_path, quiet_seconds=60)
    series = head(inbox)
    inbox.tick()
    assert inbox.table().loc[series, "sentence"] == "3 files, 60 s left"


def test_a_marker_completes_the_series_of_its_folder_at_once(tmp_path):
    inbox = Inbox(tmp_path, quiet_seconds=600)
    done, other = head(inbox, "a"), head(inbox, "b")
    (inbox.folder / "a" / ".done").touch()
    (request,) = inbox.tick().run_requests
    assert request.partition_key == done
    assert inbox.table().loc[other, "state"] == "arriving"
    inbox.launch(request, DagsterRunStatus.STARTED)
    late_slice(inbox, "a")
    assert inbox.tick().run_requests == []  # the marker is older than this slice
    touch(inbox.folder / "a" / ".done")
    assert len(inbox.tick().run_requests) == 1


def test_files_under_temporary_names_are_left_alone_until_they_are_renamed(inbox):
    series = head(inbox)
    whole = sorted((inbox.folder / "head").iterdir())[0]
    part = whole.rename(whole.with_name("IM0001.part"))
    (request,) = inbox.settled().run_requests
    inbox.launch(request, DagsterRunStatus.STARTED)
    assert inbox.table().loc[series, "admitted"] == "2"
    part.rename(whole)
    (request,) = inbox.settled().run_requests
    assert inbox.table().loc[series, "admitted"] == "3"


def test_a_file_that_still_grows_keeps_its_series_waiting(inbox):
    series = head(inbox)
    growing = sorted((inbox.folder / "head").iterdir())[0]
    content = growing.read_bytes()
    growing.write_bytes(content[:2000])
    inbox.settled()
    growing.write_bytes(content)
    result = inbox.settled()
    assert inbox.table().loc[series, ["admitted", "failed"]].to_list() == ["3", "0"]
    assert len(result.run_requests) == 1


def test_a_late_slice_is_a_new_version_and_one_more_run(inbox):
    series = head(inbox)
    (first,) = inbox.settled().run_requests
    inbox.launch(first, DagsterRunStatus.STARTED)
    inbox.tick()
    version = inbox.table().loc[series, "version"]
    late_slice(inbox)
    (second,) = inbox.settled().run_requests
    assert second.partition_key == series
    assert second.tags["ich/offer"] != first.tags["ich/offer"]
    assert inbox.table().loc[series, "version"] != version
    inbox.launch(second, DagsterRunStatus.STARTED)
    assert inbox.settled().run_requests == []


def test_a_changed_slice_is_a_new_version(inbox):
    head(inbox)
    (first,) = inbox.settled().run_requests
    inbox.launch(first, DagsterRunStatus.STARTED)
    path = sorted((inbox.folder / "head").iterdir())[0]
    dataset = pydicom.dcmread(path)
    dataset.RescaleIntercept = -1000
    dataset.save_as(path)
    assert len(inbox.settled().run_requests) == 1


def test_the_same_files_again_make_nothing(inbox):
    series = head(inbox)
    (request,) = inbox.settled().run_requests
    inbox.launch(request, DagsterRunStatus.STARTED)
    for path in (inbox.folder / "head").iterdir():
        touch(path)
    assert inbox.settled().run_requests == []
    shutil.copytree(inbox.folder / "head", inbox.folder / "again")
    assert inbox.settled().run_requests == []
    assert inbox.table().loc[series, ["state", "files"]].to_list() == ["running", "6"]


def test_files_that_are_cleaned_up_change_nothing_and_may_come_back(inbox, tmp_path):
    series = head(inbox)
    (request,) = inbox.settled().run_requests
    inbox.launch(request, DagsterRunStatus.STARTED)
    shutil.move(inbox.folder / "head", tmp_path / "elsewhere")
    assert inbox.settled().run_requests == []
    shutil.move(tmp_path / "elsewhere", inbox.folder / "head")
    assert inbox.settled().run_requests == []
    assert inbox.table().loc[series, "state"] == "running"


def test_a_late_slice_after_a_clean_up_does_not_supersede_the_whole_series(inbox):
    series = head(inbox)
    (request,) = inbox.settled().run_requests
    inbox.launch(request, DagsterRunStatus.STARTED)
    late_slice(inbox)
    for path in (inbox.folder / "head").glob("IM*"):
        path.unlink()
    assert inbox.settled().run_requests == []
    assert inbox.table().loc[series, "state"] == "held"
    assert "3 slices" in inbox.table().loc[series, "sentence"]


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


def test_few_files_are_read_in_a_tick_and_none_is_forgotten(tmp_path):
    inbox = Inbox(tmp_path, files_per_tick=2)
    series = head(inbox, slices=5)
    for left in (3, 1):
        assert f"{left} files still to be read" in inbox.tick().skip_reason.skip_message
    inbox.settled()
    assert inbox.table().loc[series, ["state", "admitted"]].to_list() == ["admitted", "5"]


def test_every_series_of_a_study_stands_in_the_ledger_with_its_code(inbox, monkeypatch):
    monkeypatch.setattr(reporting, "SECONDS_BETWEEN_EVENTS", 0)
    study = write_demo_study(inbox.folder, slices=3)
    write_localizer(inbox.folder / "more", study="other")
    (inbox.folder / "cut").write_bytes((b"\0" * 128) + b"DICM")
    result = inbox.settled()
    (request,) = result.run_requests
    assert set(series_of(request)) == {study.bleed_series, study.plain_series}
    table = inbox.table()
    assert table.loc[study.localizer_series, ["state", "codes"]].to_list() == [
        "refused",
        "LOCALIZER",
    ]
    assert table.loc[study.dose_series, "codes"] == "DOSE_REPORT"
    assert table.loc["", "state"] == "failed"
    assert table.loc["", "sentence"].startswith("cut: ")
    (event,) = [e for e in result.asset_events if e.asset_key.path == ["inbox_ledger"]]
    assert event.metadata["series_refused"].value == 4


def test_a_better_series_that_comes_later_takes_over_where_only_the_best_is_wanted(inbox):
    inbox.dicom = DicomResource(primary_only=True)
    write_series(
        inbox.folder / "thin",
        name="thin",
        slices=3,
        bleed=False,
        size=64,
        study="s",
        acquisition=Acquisition(spacing=1.0),
    )
    (request,) = inbox.settled().run_requests
    inbox.launch(request, DagsterRunStatus.STARTED)
    best = head(inbox)
    (request,) = inbox.settled().run_requests
    assert request.partition_key == best
    assert inbox.table().loc[uid("s", "thin"), ["state", "codes"]].to_list() == [
        "refused",
        "BETTER_SIBLING x3",
    ]


def test_nothing_of_the_users_is_touched(inbox):
    write_demo_study(inbox.folder, slices=3)
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in inbox.folder.rglob("*")}
    inbox.settled()
    assert before == {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in inbox.folder.rglob("*")}


def test_a_quiet_tick_writes_nothing(inbox):
    head(inbox)
    (request,) = inbox.settled().run_requests
    inbox.launch(request, DagsterRunStatus.STARTED)
    inbox.tick()
    index = inbox.run_root / "state" / "inbox.sqlite"
    before = index.read_bytes()
    result = inbox.tick()
    assert (result.asset_events, index.read_bytes()) == ([], before)
    assert result.skip_reason.skip_message == "1 series known (1 running)"


def test_without_an_inbox_the_sensor_says_so(inbox, monkeypatch):
    monkeypatch.delenv(DICOM_INBOX, raising=False)
    inbox.folder = ""
    dead = DagsterRun(job_name="ich_batch", tags=host_tag(), status=DagsterRunStatus.STARTED)
    inbox.instance.add_run(dead)
    inbox.instance.report_engine_event("runs", dead, EngineEventData.in_process(2**22 - 1))
    assert "DICOM_INBOX is not set" in inbox.tick().skip_message
    # It would hold the pool for those that are run by hand.
    assert inbox.instance.get_run_by_id(dead.run_id).status == DagsterRunStatus.FAILURE


def test_an_inbox_that_is_not_there_is_an_error(inbox):
    inbox.folder.rmdir()
    with pytest.raises(DicomError, match="inbox folder does not exist"):
        inbox.tick()


def test_results_below_the_inbox_are_an_error(inbox):
    inbox.run_root = inbox.folder / "results"
    with pytest.raises(StorageError, match="only read"):
        inbox.tick()


def test_the_live_configuration_reaches_the_sensor_and_its_runs(inbox, tmp_path, monkeypatch):
    file = tmp_path / "live.yaml"
    monkeypatch.setenv(LIVE_CONFIG, str(file))
    monkeypatch.setenv(RUN_ROOT, str(inbox.run_root))
    file.write_text(
        "resources: {inbox: {config: {quiet_seconds: 0}}, networks: {config: {batch_size: 2}}}"
    )
    head(inbox)
    (request,) = inbox.tick().run_requests
    assert request.run_config["resources"]["networks"] == {"config": {"batch_size": 2}}
    assert "inbox" not in request.run_config["resources"]
    file.write_text("resources: {inbox: {config: {quite_seconds: 0}}}")
    with pytest.raises(IchError, match="no field quite_seconds"):
        inbox.tick()
