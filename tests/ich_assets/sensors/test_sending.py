"""dicom_sending: one run at a time, for what is due, and later after a failure."""

import time

import dagster as dg
import pytest
import yaml
from dagster._core.test_utils import create_run_for_test
from live import free_port
from pacs import pacs
from workplace import Workplace

from ich_assets.definitions import defs
from ich_assets.runtime.run_tags import PRIORITY_TAG
from ich_assets.sensors.sending import dicom_sending, due_series, seconds_to_wait
from ich_resources.storage.resource import StorageResource

FAILED, DONE = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.mark.parametrize(
    ("statuses", "longest"),
    [
        ([], 0),
        ([DONE], 0),
        ([DONE, FAILED], 60),
        ([FAILED, FAILED, FAILED], 240),
        ([FAILED] * 12, 3600),
        ([FAILED, DONE], 0),
        ([FAILED, dg.DagsterRunStatus.NOT_STARTED], None),
        ([dg.DagsterRunStatus.STARTED, DONE], None),
    ],
)
def test_one_run_at_a_time_and_longer_waits_after_failures(instance, statuses, longest):
    for status in statuses:
        create_run_for_test(instance, job_name="ich_send", status=status)
    create_run_for_test(instance, job_name="ich_batch", status=FAILED)
    wait = seconds_to_wait(instance, time.time())
    assert wait == longest or (longest and longest - 30 < wait <= longest)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pynetdicom
def test_new_objects_are_sent_by_themselves_where_that_is_asked_for(
    with_objects: Workplace, instance, tmp_path, monkeypatch
):
    storage = StorageResource(run_root=str(with_objects.results))
    series = sorted(p.name for p in (with_objects.output / "dicom").iterdir())
    for uid in series:
        (with_objects.results / "state" / "series" / uid / "sent.json").unlink(missing_ok=True)
    port = free_port()
    there = {"name": "p", "kind": "dimse", "host": "127.0.0.1", "port": port, "called": "PACS"}
    live = tmp_path / "live.yaml"
    monkeypatch.setenv("LIVE_CONFIG", str(live))

    def tick(**send: object) -> dg.SensorResult | dg.SkipReason:
        fields = {"destinations": [there], "attempts": 1, "timeout_seconds": 30, **send}
        sections = {"send": fields, "storage": {"run_root": str(with_objects.results)}}
        resources = {name: {"config": section} for name, section in sections.items()}
        live.write_text(yaml.safe_dump({"resources": resources}))
        with dg.build_sensor_context(instance, resources=defs.resources) as context:
            return dicom_sending(context)

    assert "only a person sends" in tick().skip_message
    (request,) = tick(automatic=True).run_requests
    assert int(request.tags[PRIORITY_TAG]) < 0
    assert request.run_config["ops"]["send_results"]["config"]["series"] == series
    job = defs.resolve_job_def("ich_send")
    assert not any(node.definition.pools for node in job.nodes)
    # The destination is off: the next run waits.
    failed = job.execute_in_process(request.run_config, instance=instance, raise_on_error=False)
    assert not failed.success
    assert "failed: the next waits" in tick(automatic=True).skip_message
    assert due_series(storage, ["another destination"]) == series
    classes = ["1.2.840.10008.5.1.4.1.1.7"]
    with pacs(port=port, classes=classes) as taking:
        job.execute_in_process(request.run_config, instance=instance, raise_on_error=False)
        number = taking.requests
    # Reports and key images are refused: they do not go again by themselves.
    with monkeypatch.context() as later:
        later.setattr(time, "time", lambda: 4e9)
        assert tick(automatic=True).skip_message == "nothing is left to be sent"
    assert number == len([*with_objects.output.glob("dicom/*/*.dcm")]) - 2 * len(series)
