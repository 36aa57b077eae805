"""A tick of the sensor: what it reads and writes, and settings that stop it."""

import pytest
from dagster import DagsterRun, DagsterRunStatus
from dagster._core.events import EngineEventData
from inbox import Inbox, head, series_of

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
