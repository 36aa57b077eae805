"""ich_dataset through the real command line, on files as the RSNA 2019 data set has them."""

import os
import shutil
import signal
import socket
import stat
import time

import cv2
import numpy as np
import pandas as pd
import pytest
from rsna import CORRUPT, Rsna, write_rsna
from small_disk import small_disk
from workplace import Finished, Workplace

from ich_resources.dataset.fold_table import read_folds
from ich_resources.dataset.table import read_slices

pytestmark = pytest.mark.slow


class Learning(Workplace):
    """A workplace with a training root."""

    @property
    def train_root(self):
        return self.root / "train"

    @property
    def dataset(self):
        return self.train_root / "dataset"

    def environ(self):
        return super().environ() | {"TRAIN_ROOT": str(self.train_root)} | self.environment

    def make(self, data: Rsna, *lines: str) -> Finished:
        return self.execute("ich_dataset", configuration(data, *lines))

    def slices(self):
        return read_slices(self.dataset / "slices.csv", self.train_root)


def configuration(data: Rsna, *lines: str) -> str:
    fields = [f"folders: ['{data.train}', '{data.test}']", f"labels: '{data.csv}'", "processes: 1"]
    text = "".join(f"      {line}\n" for line in (*fields, *lines))
    return f"resources:\n  dataset:\n    config:\n{text}"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rsna")
    return write_rsna(folder / "data", folder / "scratch")


@pytest.fixture(scope="module")
def made(tmp_path_factory, data):
    place = Learning(tmp_path_factory.mktemp("place"), tmp_path_factory.mktemp("none"))
    return place, place.make(data)


def test_a_flat_data_set_becomes_slices_with_labels_in_order(made, data):
    place, done = made
    assert done.status == 0, done.text
    slices = place.slices()
    expected = {study: [s for s in stems if s != CORRUPT] for study, stems in data.studies.items()}
    found: dict[str, list[str]] = {}
    for name, study in zip(slices.slices, slices.studies, strict=True):
        found.setdefault(study, []).append(name)
    assert found == expected
    labels = {n: tuple(map(int, v)) for n, v in zip(slices.slices, slices.labels, strict=True)}
    assert labels == {name: v for name, v in data.labels.items() if name != CORRUPT}
    table = pd.read_csv(place.dataset / "slices.csv")
    assert table["n"].to_list() == [len(expected[study]) for study in table["study"]]
    assert set(table["state"]) == {"labelled"}
    assert np.all(np.diff(slices.positions[:3]) > 0)


def test_the_images_are_those_of_processed_series(made, data, tmp_path):
    place, _ = made
    slices = place.slices()
    image = cv2.imread(str(slices.images[0]), cv2.IMREAD_UNCHANGED)
    assert image.shape == (64, 64) and image.dtype == np.uint8 and image.max() == 255
    # Two folders in one command have the bytes of one folder in the other job.
    from ich_assets.windowed import windowed_series
    from ich_resources.dicom.discovery import scan
    from ich_resources.dicom.reading import read_series

    ledger = scan(data.train)
    series = next(s for s in ledger.series if s.series_instance_uid == slices.series[0])
    windowed_series(
        read_series(series, data.train), lambda uid: tmp_path / f"{uid}.png", with_crops=False
    )
    assert (tmp_path / f"{slices.slices[0]}.png").read_bytes() == slices.images[0].read_bytes()


def test_the_corrupt_file_is_listed_and_blocks_nothing(made):
    place, done = made
    listed = pd.read_csv(place.dataset / "unmatched.csv")
    assert listed["id"].to_list() == [CORRUPT]
    assert listed["what"].to_list() == ["label of a slice that is not used"]
    assert listed["code"].to_list() == ["BAD_HEADER"]
    assert CORRUPT in (place.dataset / "not_used.csv").read_text()
    slices = place.slices()
    rows = [i for i, study in enumerate(slices.studies) if study == "ID_study00001"]
    assert slices.indices[rows].tolist() == [0, 1]  # its neighbours stand next to each other
    assert "labels of slices that are not used: 1" in done.text


def test_a_patient_is_in_one_fold_and_every_fold_has_one(made, data):
    place, _ = made
    folds, slices = read_folds(place.dataset / "folds.csv"), place.slices()
    fold_of = folds.of(slices.patients)
    by_patient: dict[str, set[int]] = {}
    for study, fold in zip(slices.studies, fold_of.tolist(), strict=True):
        by_patient.setdefault(data.patients[study], set()).add(fold)
    assert len(by_patient) == 6 and all(len(found) == 1 for found in by_patient.values())
    assert set(fold_of.tolist()) == {0, 1, 2, 3, 4}


def test_no_patient_stands_below_the_training_root_in_clear(made, data):
    place, done = made
    planted = {owner.encode() for owner in data.patients.values()}
    assert all(any(p in f.read_bytes() for f in data.train.iterdir()) for p in [b"ID_patient0"])
    for path in place.train_root.rglob("*"):
        if path.is_file():
            assert not [p for p in planted if p in path.read_bytes() or p in bytes(path)], path
    assert "ID_patient" not in done.text
    key = place.train_root / "state" / "training.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def tree(place):
    """Every file but the records, whose timings differ, and the key."""
    files = (path for path in sorted(place.train_root.rglob("*")) if path.is_file())
    kept = (path for path in files if path.suffix not in (".json", ".key", ".lock"))
    return {path.relative_to(place.train_root).as_posix(): path.read_bytes() for path in kept}


def test_killed_and_run_again_it_ends_as_undisturbed(made, data, tmp_path):
    finished, _ = made
    place = Learning(tmp_path, finished.models)
    state = place.train_root / "state"
    state.mkdir(parents=True)
    shutil.copy(finished.train_root / "state" / "training.key", state)  # keys make other hashes
    process = place.start("ich_dataset", configuration(data))
    end = time.monotonic() + 120
    while not any(state.rglob("dataset_images.json")) and time.monotonic() < end:
        time.sleep(0.002)  # a series takes some milliseconds
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for folder in ("png", "png/of a series"):  # the kill may have come in the middle of a file
        (place.dataset / folder).mkdir(exist_ok=True)
        part = f".part-{socket.gethostname()}-{process.pid}-{folder.count('/')}"
        (place.dataset / folder / part).write_bytes(b"half an image")
    first = {path: path.stat().st_mtime_ns for path in state.rglob("dataset_images.json")}
    assert 1 <= len(first) <= 7
    again = place.make(data)
    assert again.status == 0, again.text
    assert f"Series whose images are there already: {len(first)}" in again.text
    assert {path: path.stat().st_mtime_ns for path in first} == first
    assert tree(place) == tree(finished)


def test_images_that_fill_the_disk_are_made_once_there_is_space(made, data, tmp_path):
    finished, _ = made
    with small_disk(tmp_path / "train", 60) as disk:
        place = Learning(tmp_path, finished.models)
        state = place.train_root / "state"
        state.mkdir()
        shutil.copy(finished.train_root / "state" / "training.key", state)
        full = place.make(data)
        assert full.status == 1
        assert "cannot write: No space left on device [" in full.text
        assert "-> the disk is full: free some space and run the same command again" in full.text
        assert "Stack Trace" not in full.text and "Traceback" not in full.text
        assert not list(place.train_root.rglob(".part-*"))
        records = list(state.rglob("dataset_images.json"))
        assert records  # what was made stays
        times = {path: path.stat().st_mtime_ns for path in records}
        disk.leave(2000)
        again = place.make(data)
        assert again.status == 0, again.text
        assert {path: path.stat().st_mtime_ns for path in records} == times
        assert tree(place) == tree(finished)


def test_classes_of_a_fold_without_a_bleed_are_a_warning(made):
    _, done = made
    # No image of the third study has a bleed, and only that could be intraventricular.
    assert "WARNING: no slice is positive for intraventricular: networks cannot learn it; not" in (
        done.text
    )
    assert "STEP_START" not in done.text
