"""ich_retry: failed series become due again, and the sensor requests their runs."""

import pytest
from dagster import DagsterRunStatus
from inbox import Inbox, head, series_of
from ledgers import scan

from ich_assets.definitions import defs
from ich_assets.sensors import arriving
from ich_resources.errors import IchError
from ich_resources.storage.failures import CHECKS
from ich_resources.storage.ledger import write_scan
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject


@pytest.fixture
def inbox(tmp_path) -> Inbox:
    return Inbox(tmp_path, ahead=9)


def retry(inbox: Inbox, **config):
    return defs.resolve_job_def("ich_retry").execute_in_process(
        instance=inbox.instance,
        raise_on_error=False,
        run_config={
            "ops": {"repeat_failed": {"config": config}},
            "resources": {"storage": {"config": {"run_root": str(inbox.run_root)}}},
        },
    )


def cancelled(inbox: Inbox, *names: str) -> list[str]:
    """Let series come whose runs somebody cancels."""
    series = [head(inbox, name, study=name) for name in names]
    for request in inbox.settled().run_requests:
        inbox.launch(request, DagsterRunStatus.CANCELED)
    inbox.tick()
    assert set(inbox.table().loc[series, "state"]) == {"failed"}
    return series


def test_all_or_some_of_what_failed_is_requested_again(inbox, capfd):
    first, second = cancelled(inbox, "a", "b")
    assert retry(inbox, codes=["RUN"], dry_run=True).success
    assert retry(inbox, codes=["NOT_HU"]).success
    assert inbox.tick().run_requests == []
    assert retry(inbox, series=[first]).success
    told = capfd.readouterr().err
    assert "that failed: 2, would be repeated: 2" in told
    assert "that failed: 2, to be repeated: 0" in told
    (request,) = inbox.tick().run_requests
    assert series_of(request) == [first]
    assert inbox.table().loc[[first, second], "phase"].to_list() == ["requested", "failed"]
    run = inbox.launch(request, DagsterRunStatus.STARTED)
    inbox.tick()
    assert inbox.table().loc[first, "state"] == "running"
    inbox.instance.report_run_canceled(run)
    inbox.tick()
    assert inbox.table().loc[first, "state"] == "failed"
    assert retry(inbox).success
    assert sorted(s for r in inbox.tick().run_requests for s in series_of(r)) == sorted(
        [first, second]
    )


def test_what_waits_for_the_end_of_a_fault_says_so_in_the_table(inbox, capfd):
    (series,) = cancelled(inbox, "a")
    inbox.models.rename(inbox.models.with_name("away"))
    inbox.tick()
    assert retry(inbox).success
    assert "once this is gone: DenseNet121_change_avg: checkpoint missing" in capfd.readouterr().err
    assert inbox.tick().run_requests == []
    assert inbox.table().loc[series, ["state", "phase"]].to_list() == ["admitted", "waiting"]


def test_the_checks_of_a_series_that_failed_one_are_made_again(inbox):
    (series,) = cancelled(inbox, "a")
    failures = StorageResource(run_root=str(inbox.run_root)).records.failures
    failures.write(series_subject(series), CHECKS, IchError("bad", code="CHECK_FAILED"))
    assert retry(inbox, codes=["CHECK_FAILED"]).success
    note = failures.find(series_subject(series))
    assert (note.step, note.message) == (
        "checks to come",
        "it is to be repeated; before: CHECK_FAILED: bad",
    )
    (request,) = inbox.tick().run_requests
    assert request.job_name == "ich_backlog"


def test_a_series_that_could_not_be_judged_is_judged_again(inbox, monkeypatch):
    series = head(inbox)
    with monkeypatch.context() as broken:
        broken.setattr(arriving, "_judge", lambda *_: 1 / 0)
        broken.setattr(type(inbox.dicom), "assemble", lambda *_: 1 / 0)
        inbox.settled()
    assert inbox.table().loc[series, "sentence"] == "it cannot be judged: ZeroDivisionError"
    assert retry(inbox).success
    (request,) = inbox.settled().run_requests
    assert series_of(request) == [series]


def test_a_series_that_did_not_fail_is_an_error(inbox):
    cancelled(inbox, "a")
    result = retry(inbox, series=["1.2.3"])
    assert not result.success
    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert "these series did not fail" in event.step_failure_data.error.message


def test_for_a_batch_it_says_the_command(inbox, capfd):
    storage = StorageResource(run_root=str(inbox.run_root))
    head(inbox, "batch")
    write_scan(storage.layout, scan(inbox.folder))
    (uid,) = [path.name for path in (storage.layout.run_root / "state" / "series").iterdir()]
    storage.records.failures.write(series_subject(uid), "run", IchError("bad", code="NOT_HU"))
    assert retry(inbox).success
    told = capfd.readouterr().err
    assert "WARNING: Series of a batch that failed: 1." in told
    assert "-j ich_batch -c YOUR_RUN.yaml" in told
