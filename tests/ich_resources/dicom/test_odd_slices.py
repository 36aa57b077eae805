"""A slice that stands across its series is refused alone."""

import pydicom
import pytest
from ledgers import only_series

from ich_resources.demo.study import write_series
from ich_resources.dicom.discovery import scan
from ich_resources.reasons import Reason

CORONAL, SAGITTAL = [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]
AXIAL = [1, 0, 0, 0, 1, 0]


def _series(folder, slices=6, **values):
    paths = write_series(folder, name="head", slices=slices, bleed=False, size=64)
    for path in paths:
        _edit(path, **values)
    return paths


def _edit(path, **values):
    dataset = pydicom.dcmread(path)
    for keyword, value in values.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)


def _more(path, name, number, **values):
    dataset = pydicom.dcmread(path)
    dataset.SOPInstanceUID = f"1.2.3.{number}"
    other = path.with_name(name)
    dataset.save_as(other)
    _edit(other, **values)


@pytest.mark.parametrize("codec", [None, "RLE"])
@pytest.mark.parametrize(
    "orientation", [CORONAL, SAGITTAL, [1, 0, 0, 0, 0.5, -0.8660254], [0.5, 0, 0.8660254, 0, 1, 0]]
)
def test_a_scout_or_reformat_is_refused_alone(tmp_path, orientation, codec):
    paths = _series(tmp_path, ImageType=None)
    _more(paths[0], "scout", 1, ImageOrientationPatient=orientation, ImagePositionPatient=[0, 0, 9])
    if codec:
        dataset = pydicom.dcmread(tmp_path / "scout")
        dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        dataset.save_as(tmp_path / "scout")
    series = only_series(scan(tmp_path))
    states = {record.path: record.state for record in series.slices}
    assert states == {**dict.fromkeys((p.name for p in paths), "admitted"), "scout": "refused"}
    (odd,) = (r.judgement for r in series.slices if r.judgement)
    assert odd.code == Reason.ODD_SLICE
    assert series.remarks == (), "the odd slice says nothing about the others"


@pytest.mark.parametrize("place", [None, [0, 0, 9]])
def test_a_scout_of_another_size_without_orientation_is_refused(tmp_path, place):
    paths = _series(tmp_path)
    scout = {"ImageOrientationPatient": None, "ImagePositionPatient": place, "SliceLocation": None}
    size = {"Rows": 32, "Columns": 128, "ImageType": None}
    _more(paths[0], "scout", 1, **scout, **size)
    series = only_series(scan(tmp_path))
    assert [series.count(s) for s in ("admitted", "refused", "failed")] == [6, 1, 0]


def test_two_scouts_are_refused(tmp_path):
    paths = _series(tmp_path)
    _more(paths[0], "scout1", 1, ImageOrientationPatient=CORONAL)
    _more(paths[0], "scout2", 2, ImageOrientationPatient=SAGITTAL)
    series = only_series(scan(tmp_path))
    assert [series.count(s) for s in ("admitted", "refused")] == [6, 2]


def test_an_axial_slice_in_a_coronal_series_saves_nothing(tmp_path):
    paths = _series(tmp_path, ImageOrientationPatient=CORONAL)
    _more(paths[0], "axial", 1, ImageOrientationPatient=AXIAL)
    series = only_series(scan(tmp_path))
    assert series.count("admitted") == 0
    assert {s.judgement.code for s in series.slices if s.path == "axial"} == {Reason.ODD_SLICE}
    assert {s.judgement.code for s in series.slices if s.path != "axial"} == {Reason.NOT_AXIAL}


def test_without_a_majority_the_whole_series_is_judged(tmp_path):
    paths = _series(tmp_path)
    for path in paths[:3]:
        _edit(path, ImageOrientationPatient=CORONAL)
    series = only_series(scan(tmp_path))
    assert {s.judgement.code for s in series.slices} == {Reason.NOT_AXIAL}


def test_a_tilted_block_is_not_odd(tmp_path):
    paths = _series(tmp_path)
    for path in paths[:2]:
        _edit(path, ImageOrientationPatient=[1, 0, 0, 0, 0.9063078, -0.4226183])
    assert only_series(scan(tmp_path)).count("admitted") == 6
