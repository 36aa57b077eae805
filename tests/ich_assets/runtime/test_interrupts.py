"""Ctrl-C and SIGTERM end a batch at once, and leave it fit to go on."""

import os
import shutil
import signal
import subprocess

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._utils.interrupts import capture_interrupts
from live import ROOT, wait
from workplace import Workplace

from ich_assets.runtime.interrupts import interrupts_end_the_batch
from ich_resources.steps import PROCESSED

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@BOTH
def test_an_interrupt_between_two_steps_is_not_forgotten(number):
    with capture_interrupts():
        with (
            pytest.raises(DagsterExecutionInterruptedError),
            interrupts_end_the_batch(),
            capture_interrupts(),  # as each run does: at its end, without us, the signal is gone
        ):
            os.kill(os.getpid(), number)
        with interrupts_end_the_batch():
            pass  # nothing came here


@pytest.mark.slow
@BOTH
def test_an_interrupted_batch_begins_no_other_series(
    finished_demo, tmp_path, stand_in_models, number
):
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "conf" / "dagster.yaml", home)
    place = Workplace(tmp_path, stand_in_models, {"DAGSTER_HOME": str(home)})
    shutil.copytree(finished_demo.place.dicom, place.dicom)
    with place.start_batch(subprocess.PIPE) as batch:
        assert wait(120, lambda: list(place.results.rglob(f"{PROCESSED}.json")))
        # As a terminal does: every process of the group gets it.
        os.killpg(batch.pid, number)
        said, _ = batch.communicate(timeout=120)
    assert batch.returncode != 0
    assert "ERROR: Interrupted. Finished work is kept." in said
    with dg.DagsterInstance.from_config(str(home)) as instance:
        of_series = instance.get_runs(dg.RunsFilter(job_name="ich_series"))
        assert len(of_series) == 1
        assert all(run.is_finished for run in instance.get_runs())
    again = place.batch()
    assert again.status == 0, again.text
    assert place.tree().keys() == finished_demo.place.tree().keys()
