"""What ``make up`` checks before it starts anything: each fault has its sentence."""

import os
import subprocess
import sys

import dagster as dg
import pytest
import yaml

from ich_assets.sensors.ready import faults
from ich_resources.environment import DICOM_INBOX, DICOM_INPUT, LIVE_CONFIG, MODEL_DIR, RUN_ROOT


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Folders without checkpoints, and a LIVE_CONFIG that a test writes."""
    for variable, name in ((DICOM_INBOX, "inbox"), (DICOM_INPUT, "inbox"), (MODEL_DIR, "models")):
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setenv(RUN_ROOT, str(tmp_path / "results"))
    monkeypatch.setenv(LIVE_CONFIG, str(tmp_path / "live.yaml"))
    (tmp_path / "live.yaml").write_text("resources: {inbox: {config: {quiet_seconds: 5}}}")
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    return tmp_path


def found(**runs) -> list[str]:
    with dg.instance_for_test(overrides={"concurrency": {"runs": runs}} if runs else None) as home:
        return faults(home)


def test_each_fault_has_a_sentence(place):
    rule = {"field": "room", "pattern": "x", "priority": 1}
    config = {"resources": {"inbox": {"config": {"priorities": [rule]}}}}
    (place / "live.yaml").write_text(yaml.safe_dump(config))
    (place / "inbox").rmdir()
    limit, priorities, folder, checkpoints = found(max_concurrent_runs=2)
    assert limit.startswith("ERROR: max_concurrent_runs is 2, and 1 places")
    assert "inbox.priorities, rule 1: 'room' is not a field" in priorities
    assert "inbox folder does not exist" in folder
    assert checkpoints.startswith("WARNING: ") and "checkpoint missing" in checkpoints


def test_a_live_config_that_cannot_be_read_is_the_only_fault(place):
    (place / "live.yaml").write_text("resources: {inbox: {config: {aheadd: 5}}}")
    (sentence,) = found()
    assert "inbox has no field aheadd" in sentence


def test_sending_by_itself_needs_room_in_the_queue_and_a_destination(place):
    send = {"automatic": True}
    (place / "live.yaml").write_text(yaml.safe_dump({"resources": {"send": {"config": send}}}))
    limit, destination = found(max_concurrent_runs=3)[:2]
    assert "need 4" in limit and "one that sends results" in limit
    assert destination.startswith("ERROR: there is no destination ->")


@pytest.mark.parametrize(("folder", "status"), [(True, 0), (False, 1)])
def test_the_command_says_what_is_wrong_and_fails_where_nothing_could_begin(place, folder, status):
    if not folder:
        (place / "inbox").rmdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "ich_assets.sensors.ready"],
        env={**os.environ, "DAGSTER_HOME": str(place)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    *errors, warning = done.stderr.strip().splitlines()
    assert (done.returncode, len(errors)) == (status, status)
    assert warning.startswith("WARNING: DenseNet121_change_avg: checkpoint missing")
