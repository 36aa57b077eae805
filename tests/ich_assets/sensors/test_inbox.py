"""The sensor: what comes into the inbox, in any order, ends in the ledger and in one run."""

import shutil

import pydicom
import pytest
from dagster import DagsterRun, DagsterRunStatus
from dagster._core.events import EngineEventData
from inbox import Inbox, head, late_slice, series_of, touch

from ich_assets.runtime.run_tags import host_tag
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


@pytest.fixture
def inbox(tmp_path) -> Inbox:
    return Inbox(tmp_path)


def test_a_series_waits_until_it_is_quiet_and_gets_one_run_in_the_same_tick(inbox):
    series = head(inbox)
    assert inbox.tick().run_requests == []
    assert inbox.table().loc[series, "state"] == "arriving"
    assert inbox.table().loc[series, "sentence"] == "3 files, 0 s left"
    late_slice(inbox)
    result = inbox.settled()
    (request,) = result.run_requests
    assert (request.job_name, request.partition_key) == ("ich_series", series)
    assert request.run_key is None
    (partitions,) = result.dynamic_partitions_requests
    assert partitions.partition_keys == [series]
    assert [e.partition for e in result.asset_events if e.asset_key.path == ["dicom_series"]] == [
        series
    ]
    assert inbox.table().loc[series, ["state", "admitted"]].to_list() == ["admitted", "4"]
    inbox.launch(request, DagsterRunStatus.STARTED)
    assert inbox.tick().run_requests == []
    assert inbox.table().loc[series, "state"] == "running"


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


def test_a_backlog_is_one_run(tmp_path):
    inbox = Inbox(tmp_path, single_runs=2)
    names = [head(inbox, f"h{i}", study=f"s{i}") for i in range(3)]
    result = inbox.settled()
    (request,) = result.run_requests
    assert request.job_name == "ich_backlog"
    listed = request.run_config["ops"]["arrived_series"]["config"]["series"]
    assert sorted(listed) == sorted(names)
    assert sorted(result.dynamic_partitions_requests[0].partition_keys) == sorted(names)
    inbox.launch(request, DagsterRunStatus.STARTED)
    assert inbox.settled().run_requests == []


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


def test_every_series_of_a_study_stands_in_the_ledger_with_its_code(inbox):
    study = write_demo_study(inbox.folder, slices=3)
    write_localizer(inbox.folder / "more", study="other")
    (inbox.folder / "cut").write_bytes((b"\0" * 128) + b"DICM")
    result = inbox.settled()
    assert {r.partition_key for r in result.run_requests} == {
        study.bleed_series,
        study.plain_series,
    }
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
    file.write_text("resources: {inbox: {config: {quite_seconds: 0}}}")
    with pytest.raises(IchError, match="no field quite_seconds"):
        inbox.tick()
