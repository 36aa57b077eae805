"""Remarks on turned, stretched and cut pictures, and none on ordinary ones."""

import pydicom
import pytest
from ledgers import only_series

from ich_resources.demo.study import write_series
from ich_resources.dicom.discovery import scan
from ich_resources.reasons import Reason


def _remarks(folder, *, rows=64, columns=64, **values):
    for path in write_series(folder, name="head", slices=3, bleed=False, size=64):
        dataset = pydicom.dcmread(path)
        if (rows, columns) != (64, 64):
            array = dataset.pixel_array[:rows, :columns]
            dataset.set_pixel_data(array.copy(), "MONOCHROME2", 16, generate_instance_uid=False)
        for keyword, value in values.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(path)
    series = only_series(scan(folder))
    assert series.count("admitted") == 3
    return {remark.code: remark.reason for remark in series.remarks}


@pytest.mark.parametrize(
    ("orientation", "word"),
    [
        ([-1, 0, 0, 0, -1, 0], "upside down"),  # prone, as a scanner stores it
        ([-1, 0, 0, 0, 1, 0], "mirrored"),
        ([1, 0, 0, 0, -1, 0], "mirrored"),
        ([0, 1, 0, 1, 0, 0], "mirrored"),
        ([0, 1, 0, -1, 0, 0], "turned by 90 degrees"),
        ([0, -1, 0, 1, 0, 0], "turned by 90 degrees"),
        ([0.766044, 0.642788, 0, -0.642788, 0.766044, 0], "turned by 40 degrees"),
        ([-1, 0, 0, 0, -0.939693, -0.342020], "upside down"),
    ],
)
def test_pictures_that_are_not_upright(tmp_path, orientation, word):
    found = _remarks(tmp_path, ImageOrientationPatient=orientation)
    assert word in found[Reason.NOT_UPRIGHT]


@pytest.mark.parametrize("position", ["HFP", "FFP", "HFDL", "FFDR"])
@pytest.mark.parametrize("orientation", [[1, 0, 0, 0, 1, 0], None])
def test_a_patient_who_does_not_lie_on_the_back(tmp_path, position, orientation):
    values = {"PatientPosition": position, "ImageOrientationPatient": orientation}
    found = _remarks(tmp_path, **values)
    assert list(found) == [Reason.NOT_UPRIGHT] and position in found[Reason.NOT_UPRIGHT]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"PatientPosition": "FFS"},
        {"PatientPosition": None},
        {"ImageOrientationPatient": None},
        {"ImageOrientationPatient": [0.939693, 0.342020, 0, -0.342020, 0.939693, 0]},  # 20 degrees
        {"PixelSpacing": None},
        {"PixelSpacing": [3.6, 3.62]},
        {"PixelSpacing": [225 / 64, 225 / 64]},
        {"PixelSpacing": [0, 0]},
    ],
)
def test_ordinary_pictures_get_no_remark(tmp_path, values):
    assert _remarks(tmp_path, **values) == {}


def test_a_tilted_gantry_is_upright(tmp_path):
    found = _remarks(tmp_path, ImageOrientationPatient=[1, 0, 0, 0, 0.9, -0.435889894])
    assert list(found) == [Reason.GANTRY_TILT]


@pytest.mark.parametrize(
    ("rows", "columns", "spacing"),
    [(64, 40, 6.0), (40, 64, 6.0), (64, 60, None), (64, 64, [3.6, 4.5]), (64, 32, [4, 8])],
)
def test_pictures_that_are_not_square(tmp_path, rows, columns, spacing):
    spacing = [spacing] * 2 if isinstance(spacing, float) else spacing
    found = _remarks(tmp_path, rows=rows, columns=columns, PixelSpacing=spacing)
    assert list(found) == [Reason.NOT_SQUARE]
    assert f"{rows} rows and {columns} columns" in found[Reason.NOT_SQUARE]


@pytest.mark.parametrize("field", [224, 200, 150])
def test_a_head_that_the_crop_cuts(tmp_path, field):
    found = _remarks(tmp_path, PixelSpacing=[field / 64] * 2)
    assert list(found) == [Reason.HEAD_CUT] and f"{field} mm" in found[Reason.HEAD_CUT]
