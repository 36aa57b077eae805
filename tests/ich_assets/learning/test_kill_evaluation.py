"""kill -9 while an evaluation writes; run again: the same files as undisturbed, and no part."""

import csv
import os
import signal
import time
from pathlib import Path

import pytest
from evaluated import made_series, write_run_root
from scored_training import learning_resources, write_scored, write_scored_table
from training_root import Amount, TrainingPlace, write_training_root
from workplace import Workplace

from ich_resources.hemorrhage import CLASSES
from ich_resources.storage.layout import Layout
from ich_resources.whole_files import PART

pytestmark = pytest.mark.slow


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _kill_while_it_writes(place: Workplace, job: str, config: str, folder: Path) -> int:
    """Kill the job as soon as it begins to replace the earlier page; return its process id.

    The files are written within milliseconds, so a busy machine may need another try.
    """
    page, end = folder / "index.html", time.monotonic() + 400
    while True:
        process = place.start(job, config)
        while page.exists() and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.0005)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not page.exists():  # it was in the middle
            return process.pid


def _killed_and_run_again(place: Workplace, job: str, config: str, folder: Path) -> None:
    done = place.execute(job, config)
    assert done.status == 0, done.text
    calm = _files(folder)
    for path in folder.iterdir():
        if path.name != "index.html":
            path.write_bytes(b"of an earlier evaluation")
    killed = _kill_while_it_writes(place, job, config, folder)
    # Whether the kill has cut a file is chance; this part of a file is certain.
    (folder / f"{PART}{killed}-1").write_bytes(b"half")
    again = place.execute(job, config)
    assert again.status == 0, again.text
    assert _files(folder) == calm


def test_an_evaluation_of_a_run_root_killed_while_it_writes(tmp_path):
    labels = tmp_path / "labels.csv"
    place = Workplace(tmp_path, tmp_path, {"LABELS": str(labels)})
    series, truth = made_series(12, 4, seed=2)
    write_run_root(place.results, series)
    with labels.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["SOPInstanceUID", *CLASSES])
        uids = [uid for one in series for uid in one.slices]
        writer.writerows([uid, *map(int, row)] for uid, row in zip(uids, truth, strict=True))
    config = "resources: {evaluation: {config: {bootstrap: 50}}}"
    folder = Layout(place.results).evaluation
    _killed_and_run_again(place, "ich_evaluate", config, folder)


def test_an_evaluation_out_of_fold_killed_while_it_writes(tmp_path):
    place = TrainingPlace(tmp_path, tmp_path)
    write_training_root(place.layout.train_root, Amount(patients=15, slices=5))
    resources = learning_resources(place.layout.train_root)
    write_scored(resources)
    write_scored_table(resources)
    fitted = "bootstrap: 50, fit: isotonic, write_threshold: true"
    config = f"resources: {{evaluation: {{config: {{{fitted}}}}}}}"
    folder = place.layout.evaluation
    _killed_and_run_again(place, "ich_evaluate_oof", config, folder)
    assert {"calibration.json", "threshold.json"} <= _files(folder).keys()
