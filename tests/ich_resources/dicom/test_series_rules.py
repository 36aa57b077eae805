"""Remarks on whole series, from files of the phantom writer."""

from functools import partial

import pydicom
import pytest

from ich_resources.demo.study import write_series
from ich_resources.dicom.discovery import scan
from ich_resources.reasons import Reason

write = partial(write_series, name="head", bleed=False, size=64)


def _edit(path, **values):
    dataset = pydicom.dcmread(path)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def _codes(folder, **options):
    (series,) = scan(folder, **options).series
    return {remark.code: remark.reason for remark in series.remarks}


def test_an_ordinary_head_ct_gets_no_remark(tmp_path):
    write(tmp_path, slices=5)
    assert _codes(tmp_path) == {}


def test_the_real_series_is_tilted_and_nothing_else(shared):
    codes = _codes(shared / "data" / "head_ct_ge")
    assert codes == {Reason.GANTRY_TILT: "tilted by 18.5 degrees"}
    (series,) = scan(shared / "data" / "head_ct_ge").series
    assert series.count("admitted") == 28
    assert series.primary


@pytest.mark.parametrize(
    ("values", "code", "reason"),
    [
        ({"ConvolutionKernel": "H60s"}, Reason.BONE_KERNEL, "made for bone (kernel H60S)"),
        ({"ConvolutionKernel": "BONEPLUS"}, Reason.BONE_KERNEL, "made for bone (kernel BONEPLUS)"),
        ({"ConvolutionKernel": ["Hr64h", "3"]}, Reason.BONE_KERNEL, "made for bone (kernel HR64H)"),
        ({"ContrastBolusAgent": "Iomeprol"}, Reason.CONTRAST, "made with contrast agent"),
        ({"BodyPartExamined": "ABDOMEN"}, Reason.NOT_HEAD, "BodyPartExamined ABDOMEN"),
        (
            {"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED"]},
            Reason.DERIVED,
            "ImageType DERIVED/SECONDARY/REFORMATTED",
        ),
    ],
)
def test_what_a_header_says(tmp_path, values, code, reason):
    for path in write(tmp_path, slices=3):
        _edit(path, **values)
    assert _codes(tmp_path) == {code: reason}


def test_a_window_for_bone(tmp_path):
    for path in write(tmp_path, slices=3):
        _edit(path, WindowWidth=2500)
    assert _codes(tmp_path) == {
        Reason.BONE_KERNEL: "made for bone (window width 2500)",
        Reason.NOT_BRAIN_WINDOW: "windows that are not for brain: 40/2500",
    }


@pytest.mark.parametrize("kernel", ["H31s", "STD+", "STANDARD", "SOFT", "FC21", "UB", "J30s"])
def test_soft_kernels_are_no_bone(tmp_path, kernel):
    for path in write(tmp_path, slices=3):
        _edit(path, ConvolutionKernel=kernel)
    assert _codes(tmp_path) == {}


def _positions(paths, heights):
    for path, z in zip(paths, heights, strict=True):
        x, y, _ = pydicom.dcmread(path).ImagePositionPatient
        _edit(path, ImagePositionPatient=[x, y, z])


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ([0, 4, 8, 12, 19, 26, 33], {}),  # thin below, thick above
        (
            [0, 4, 8, 16, 20, 24, 28],
            {Reason.SLICE_GAP: "gaps where a slice may lack: 1, the largest 8.0 mm"},
        ),
        (
            [0, 4, 4, 8, 12, 16, 20],
            {Reason.DUPLICATE_POSITION: "slices in one place with another: 1"},
        ),
    ],
)
def test_gaps(tmp_path, heights, expected):
    _positions(write(tmp_path, slices=7), heights)
    assert _codes(tmp_path) == expected


def test_two_directions_and_two_sizes_are_mixed(tmp_path):
    paths = write(tmp_path / "a", slices=3)
    _edit(paths[0], ImageOrientationPatient=[1, 0, 0, 0, 0.9, -0.435889894])
    codes = _codes(tmp_path)
    assert set(codes) == {Reason.MIXED_GEOMETRY, Reason.GANTRY_TILT}
    assert codes[Reason.MIXED_GEOMETRY] == "directions differ by 25.8 degrees"


def test_slices_of_two_studies_are_mixed(tmp_path):
    paths = write(tmp_path, slices=4)
    for path in paths[2:]:
        _edit(path, StudyInstanceUID="1.2.3")
    studies = ", ".join(sorted([pydicom.dcmread(paths[0]).StudyInstanceUID, "1.2.3"]))
    assert _codes(tmp_path) == {Reason.MIXED_STUDIES: f"slices of 2 studies: {studies}"}
    (series,) = scan(tmp_path, policy={"MIXED_STUDIES": "refuse"}).series
    assert {s.judgement.code for s in series.slices} == {Reason.MIXED_STUDIES}
    assert scan(tmp_path).series[0].count("admitted") == 4


def test_a_failed_slice_still_counts_as_a_slice(tmp_path):
    paths = write(tmp_path, slices=3)
    paths[0].write_bytes(paths[0].read_bytes()[:-100])
    (series,) = scan(tmp_path).series
    assert [series.count(s) for s in ("admitted", "failed", "refused")] == [2, 1, 0]
