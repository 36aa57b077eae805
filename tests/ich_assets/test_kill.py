"""Killed at any moment, run again: the same bytes as an undisturbed run, and no half file."""

import os
import random
import shutil
import signal
import time

import dagster as dg
import pytest
from live import ROOT, wait
from workplace import Workplace

from ich_assets.checks.listed import SERIES_CHECKS
from ich_resources.backbones.table import BACKBONES
from ich_resources.steps import ENSEMBLE

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("ICH_KILLS", "3"))


def test_a_batch_killed_anywhere_ends_with_the_same_bytes(finished_demo, tmp_path, stand_in_models):
    place = Workplace(tmp_path, stand_in_models)
    shutil.copytree(finished_demo.place.dicom, place.dicom)
    moments = random.Random(7)
    for _ in range(KILLS):
        shutil.rmtree(place.results, ignore_errors=True)
        process = place.start_batch()
        # From the first file written on; before that there is nothing to spoil.
        while not place.results.exists() and process.poll() is None:
            time.sleep(0.05)
        time.sleep(moments.uniform(0, 15))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        again = place.batch()
        assert again.status == 0, again.text
        assert place.tree() == _without_paths(finished_demo.place, place)
        assert not list(place.results.rglob(".part-*"))


def _without_paths(finished: Workplace, place: Workplace) -> dict[str, bytes]:
    """The undisturbed run's files, as they would stand in the other's folders."""
    old, new = str(finished.dicom).encode(), str(place.dicom).encode()
    return {name: content.replace(old, new) for name, content in finished.tree().items()}


def test_checks_that_a_kill_has_prevented_are_made_by_the_next_run(
    finished_demo, tmp_path, stand_in_models
):
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "conf" / "dagster.yaml", home)
    place = Workplace(tmp_path, stand_in_models, {"DAGSTER_HOME": str(home)})
    shutil.copytree(finished_demo.place.dicom, place.dicom)
    process = place.start_batch()
    assert wait(120, lambda: list(place.results.rglob(f"{ENSEMBLE}.json")))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (record,) = place.results.rglob(f"{ENSEMBLE}.json")
    predictions = [record.with_name(f"{b.predictions_step}.json") for b in BACKBONES.values()]
    before = [path.stat().st_mtime_ns for path in predictions]
    again = place.batch()
    assert again.status == 0, again.text
    assert [path.stat().st_mtime_ns for path in predictions] == before
    with dg.DagsterInstance.from_config(str(home)) as instance:
        last = instance.get_runs(dg.RunsFilter(job_name="ich_batch"), limit=1)[0].run_id
        inside = dg.RunsFilter(tags={"ich/batch": last, "dagster/partition": record.parent.name})
        made = {
            entry.dagster_event.asset_check_evaluation_data.check_name
            for run in instance.get_runs(inside)
            for entry in instance.all_logs(
                run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
            )
        }
    assert made == {key.name for check in SERIES_CHECKS for key in check.check_keys}
