"""Odd files, damaged ledgers and set clocks: one of them never stops the sensor, or the others."""

import os
import shutil
import time

import dagster as dg
import pydicom
import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterRunStatus
from dagster._core.execution.plan.objects import StepFailureData
from dagster_shared.error import SerializableErrorInfo
from inbox import Inbox, head, series_of
from ledgers import scan

from ich_resources.folders import files_below
from ich_resources.inbox.index import InboxIndex
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import found_series, write_scan


def test_a_dangling_link_and_odd_files_do_not_hold_up_a_series(inbox):
    series = head(inbox)
    (inbox.folder / "head" / "link.dcm").symlink_to("nowhere")
    odd = inbox.folder / "head" / "far-future.txt"
    odd.touch()
    os.utime(odd, ns=(0, 2**63 - 1))
    (request,) = inbox.settled().run_requests
    assert request.partition_key == series
    assert inbox.table().loc["", "sentence"].startswith("head/link.dcm: ")


def test_a_file_beyond_a_limit_does_not_hold_up_a_series(inbox):
    """It is read once, and listed."""
    series = head(inbox, slices=4)
    path = inbox.folder / "head" / "clip.dcm"
    path.write_bytes(next((inbox.folder / "head").iterdir()).read_bytes())
    os.truncate(path, 300 * 2**20)
    (request,) = inbox.settled().run_requests
    assert request.partition_key == series
    assert inbox.table().loc[series, ["admitted", "failed"]].to_list() == ["4", "0"]
    assert "clip.dcm: the file is larger than 256 MB" in inbox.table().loc["", "sentence"]


def test_archives_and_files_of_a_mac_do_not_hold_up_a_series(inbox):
    series = head(inbox)
    (inbox.folder / "head" / "._IM0001.dcm").write_bytes(b"\0\5\x16\7" + bytes(4000))
    (inbox.folder / "head" / "study.zip").write_bytes(b"PK\3\4" + bytes(4000))
    (request,) = inbox.settled().run_requests
    assert request.partition_key == series
    assert "study.zip: a zip archive: unpack it first" in inbox.table().loc["", "sentence"]


def test_a_slice_at_an_impossible_place_fails_alone(inbox):
    series = head(inbox, slices=4)
    path = sorted((inbox.folder / "head").iterdir())[0]
    dataset = pydicom.dcmread(path)
    dataset.ImageOrientationPatient = [0.8, 0.6, 0, -0.6, 0.8, 0.1]
    dataset.ImagePositionPatient = ["1.7e308"] * 3
    dataset.save_as(path)
    inbox.settled()
    assert inbox.table().loc[series, ["admitted", "failed"]].to_list() == ["3", "1"]


def test_a_series_under_two_studies_is_one_series(inbox):
    series = head(inbox, slices=6)
    for path in sorted((inbox.folder / "head").iterdir())[:3]:
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID = "9.9.9"
        dataset.save_as(path)
    (request,) = inbox.settled().run_requests
    assert request.partition_key == series
    assert inbox.table().loc[series, "admitted"] == "6"


@pytest.mark.parametrize("damaged", ["found.json", "failure.json"])
def test_a_damaged_entry_of_one_series_is_written_anew(inbox, damaged):
    series, other = head(inbox, "a", study="s"), head(inbox, "b", study="t")
    for request in inbox.settled().run_requests:
        inbox.launch(request, DagsterRunStatus.STARTED)
    (inbox.run_root / "state" / "series" / series / damaged).write_bytes(b"")
    inbox.tick()
    inbox.tick()
    assert inbox.table().loc[other, "state"] == "running"
    assert inbox.table().loc[series, "state"] in ("running", "failed")
    assert found_series(Layout(inbox.run_root), series).series_instance_uid == series


def test_a_scan_that_overwrites_the_entry_does_not_make_a_series_done(inbox, tmp_path):
    series = head(inbox, slices=5)
    (request,) = inbox.settled().run_requests
    inbox.launch(request, DagsterRunStatus.STARTED)
    part = tmp_path / "part"
    shutil.copytree(inbox.folder / "head", part)
    for path in sorted(part.iterdir())[:2]:
        path.unlink()
    write_scan(Layout(inbox.run_root), scan(part))
    inbox.tick()
    inbox.tick()
    found = found_series(Layout(inbox.run_root), series)
    assert len(found.slices) == 5
    assert inbox.table().loc[series, "state"] == "running"


def test_what_killed_a_backlog_runs_alone_from_then_on_and_the_others_lose_no_attempt(tmp_path):
    inbox = Inbox(tmp_path)
    names = [head(inbox, f"h{i}", study="s") for i in range(3)]
    (request,) = inbox.settled().run_requests
    assert request.job_name == "ich_backlog"
    inbox.die(request)
    guilty, *others = series_of(request)
    alone, together = inbox.tick().run_requests
    assert series_of(alone) == [guilty]
    assert sorted(series_of(together)) == sorted(others)
    assert {request.tags["dagster/max_retries"] for request in (alone, together)} == {"0"}
    assert sorted([guilty, *others]) == sorted(names)
    with InboxIndex.open(inbox.run_root / "state" / "inbox.sqlite") as index:
        assert [index.arrival(uid).attempts for uid in (guilty, *others)] == [1, 0, 0]


def test_a_backlog_that_ends_before_its_first_series_makes_nobody_fail(tmp_path):
    inbox = Inbox(tmp_path)
    names = [head(inbox, f"h{i}", study="s") for i in range(3)]
    (request,) = inbox.settled().run_requests
    run = inbox.launch(request, DagsterRunStatus.STARTED)
    fail_a_step(inbox.instance, run)
    assert inbox.tick().run_requests == []
    assert set(inbox.table().loc[names, "phase"]) == {"waiting"}
    assert set(inbox.table().loc[names, "sentence"]) == {"no checkpoints"}
    inbox.wait(10)
    (again,) = inbox.tick().run_requests
    assert sorted(series_of(again)) == sorted(names)


def fail_a_step(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Let a run fail as a step does that raises: checkpoints that were away for a moment."""
    error = SerializableErrorInfo("no checkpoints", [], "CheckpointError")
    failure = DagsterEvent(
        DagsterEventType.STEP_FAILURE.value,
        run.job_name,
        step_key="run_arrived",
        event_specific_data=StepFailureData(error, None),
    )
    instance.report_dagster_event(failure, run.run_id)
    instance.report_run_failed(run)


def test_an_index_that_was_lost_is_filled_from_the_ledger(inbox):
    series = head(inbox)
    (request,) = inbox.settled().run_requests
    inbox.launch(request, DagsterRunStatus.STARTED)
    (inbox.run_root / "state" / "inbox.sqlite").unlink()
    shutil.rmtree(inbox.folder / "head")
    inbox.tick()
    assert inbox.table().loc[series, "admitted"] == "3"


def test_a_sibling_that_comes_later_does_not_touch_a_series_that_was_cleaned_up(inbox):
    series = head(inbox)
    (request,) = inbox.settled().run_requests
    inbox.launch(request, DagsterRunStatus.STARTED)
    sorted((inbox.folder / "head").iterdir())[0].unlink()
    head(inbox, "other")
    inbox.settled()
    assert inbox.table().loc[series, "state"] == "running"


def test_a_clock_that_was_set_back_keeps_nobody_waiting(inbox):
    head(inbox)
    with InboxIndex.open(inbox.run_root / "state" / "inbox.sqlite") as index:
        index.update_files(files_below(inbox.folder)[0], time.time() + 86400)
    assert len(inbox.settled().run_requests) == 1


def test_an_entry_that_is_lost_before_the_request_is_written_anew(inbox):
    series = head(inbox)
    inbox.settled()
    (inbox.run_root / "state" / "series" / series / "found.json").unlink()
    assert inbox.tick().run_requests == []  # the first was lost, and so is the entry
    (again,) = inbox.tick().run_requests
    assert again.partition_key == series
