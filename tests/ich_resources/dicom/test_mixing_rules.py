"""Two scans in one series: refused by default, and what only looks like it is not."""

import pydicom
import pytest
from ledgers import only_series

from ich_resources.demo.study import write_series
from ich_resources.dicom.assembly import assemble
from ich_resources.dicom.discovery import scan
from ich_resources.dicom.policy import verdicts
from ich_resources.dicom.scanned import ScannedFile, scan_file
from ich_resources.reasons import Reason


def _series(folder, slices, change):
    """Write slices, feet to head, and change number and data set of each."""
    paths = write_series(folder, name="head", slices=slices, bleed=False, size=32)
    for i, path in enumerate(reversed(paths)):
        dataset = pydicom.dcmread(path)
        change(i, dataset)
        dataset.save_as(path)
    return paths


def _acquisitions(numbers):
    def change(i, dataset):
        if numbers[i] is None:
            del dataset.AcquisitionNumber
        else:
            dataset.AcquisitionNumber = numbers[i]

    return change


@pytest.mark.parametrize("in_place", [True, False])
def test_two_frames_of_reference_are_refused(tmp_path, in_place):
    def change(i, dataset):
        dataset.FrameOfReferenceUID = f"2.25.{i % 2 if in_place else i // 4}"

    _series(tmp_path, 8, change)
    series = only_series(scan(tmp_path))
    assert {s.judgement.code for s in series.slices} == {Reason.MIXED_FRAMES}
    assert only_series(scan(tmp_path, policy={"MIXED_FRAMES": "warn"})).count("admitted") == 8


def test_frames_that_are_absent_or_not_known_refuse_nothing(tmp_path):
    def change(i, dataset):
        if i % 2:
            del dataset.FrameOfReferenceUID

    paths = _series(tmp_path, 4, change)
    assert only_series(scan(tmp_path)).remarks == ()
    read = [scan_file(path.name, tmp_path).to_json() for path in paths]
    for value in read:
        for field in ("frame_of_reference", "acquisition", "instance_number", "patient_position"):
            del value["header"][field]
    old = [ScannedFile.from_json(value) for value in read]
    (series,) = assemble(old, verdicts({}), input_dir=str(tmp_path), primary_only=False)
    assert series.remarks == () and series.count("admitted") == 4


@pytest.mark.parametrize(
    "numbers",
    [
        [1, 2, 1, 2, 1, 2, 1, 2],  # slice by slice
        [1, 1, 2, 1, 2, 2, 1, 1],  # the shorter lies within the longer
        [None, 1, 2, 1, 2, 1, 2, None],
        [7, 3, 3, 7, 7, 3, 3, 7],
    ],
)
def test_overlapping_acquisitions_are_refused(tmp_path, numbers):
    _series(tmp_path, 8, _acquisitions(numbers))
    series = only_series(scan(tmp_path))
    assert {s.judgement.code for s in series.slices} == {Reason.MIXED_ACQUISITIONS}
    policy = {"MIXED_ACQUISITIONS": "warn"}
    assert only_series(scan(tmp_path, policy=policy)).count("admitted") == 8


@pytest.mark.parametrize(
    "numbers",
    [
        [1, 2, 3, 4, 5, 6, 7, 8],  # it counts slices
        [1, 1, 2, 2, 3, 3, 4, 4],
        [1, 1, 1, 1, 2, 2, 2, 2],  # base and vertex
        [1, 1, 1, 2, 1, 2, 2, 2],  # they overlap by a slice
        [1, 1, 1, 2, 1, 2, 1, 1],  # two slices were repeated
        [None] * 8,
        [5] * 8,
    ],
)
def test_ordinary_numbers_of_acquisitions_are_none(tmp_path, numbers):
    _series(tmp_path, 8, _acquisitions(numbers))
    series = only_series(scan(tmp_path))
    assert series.remarks == () and series.count("admitted") == 8
