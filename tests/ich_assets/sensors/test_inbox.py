"""The sensor: what comes into the inbox, in any order, ends in the ledger and in one run."""

import shutil

import pydicom
from dagster import DagsterRunStatus
from inbox import Inbox, head, late_slice, touch

from ich_resources.storage.layout import Layout


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
