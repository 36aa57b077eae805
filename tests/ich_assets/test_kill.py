"""Killed at any moment, run again: the same bytes as an undisturbed run, and no half file."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workplace import CONFIG, Workplace

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("ICH_KILLS", "3"))


def test_a_batch_killed_anywhere_ends_with_the_same_bytes(finished_demo, tmp_path, stand_in_models):
    place = Workplace(tmp_path, stand_in_models)
    shutil.copytree(finished_demo.place.dicom, place.dicom)
    (tmp_path / "run.yaml").write_text(CONFIG)
    command = [str(Path(sys.executable).with_name("dagster")), "job", "execute"]
    command += ["-m", "ich_assets.definitions", "-j", "ich_batch", "-c", "run.yaml"]
    moments = random.Random(7)
    for _ in range(KILLS):
        shutil.rmtree(place.results, ignore_errors=True)
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=place.environ(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
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
