"""One order for a whole series: two tilts, and positions that say nothing."""

import itertools
import math

import pydicom
import pytest
from ledgers import only_series

from ich_resources.demo.study import write_series
from ich_resources.dicom.discovery import scan
from ich_resources.dicom.reading import read_series
from ich_resources.reasons import Reason


def _names(folder):
    return [item.record.path for item in read_series(only_series(scan(folder)), folder)]


def _tilted(paths, tilts, *, z0, step=5.0, centre_y=0.0, spacing=True):
    """Give slices, feet to head, their tilts; their centres lie above each other."""
    for i, (path, degrees) in enumerate(zip(paths, tilts, strict=True)):
        ds = pydicom.dcmread(path)
        tilt = math.radians(degrees)
        row, column = (1.0, 0.0, 0.0), (0.0, math.cos(tilt), -math.sin(tilt))
        across = float(ds.PixelSpacing[1]) * (ds.Columns - 1) / 2
        down = float(ds.PixelSpacing[0]) * (ds.Rows - 1) / 2
        centre = (0.0, centre_y, z0 + step * i)
        corner = [c - across * r - down * k for c, r, k in zip(centre, row, column, strict=True)]
        ds.ImageOrientationPatient = [round(v, 6) for v in (*row, *column)]
        ds.ImagePositionPatient = [round(v, 4) for v in corner]
        ds.SliceLocation, ds.InstanceNumber = -i, 99 - i  # not what orders them
        if not spacing:
            del ds.PixelSpacing
        ds.save_as(path)


@pytest.mark.parametrize(("z0", "centre_y"), [(-700, 0.0), (1200, -120.0)])
@pytest.mark.parametrize(
    "tilts", [[-20] * 6 + [0] * 6, [0] * 4 + [25] * 8, [-18] * 3 + [12] * 9, [20] * 9 + [0] * 3]
)
def test_two_tilts_are_ordered_along_one_direction(tmp_path, tilts, z0, centre_y):
    paths = write_series(tmp_path, name="head", slices=12, bleed=False, size=64)
    _tilted(paths, tilts, z0=z0, centre_y=centre_y)
    assert _names(tmp_path) == [path.name for path in paths]
    series = only_series(scan(tmp_path))
    assert Reason.MIXED_GEOMETRY in {remark.code for remark in series.remarks}
    places = sorted(s.position for s in series.slices)
    steps = [b - a for a, b in itertools.pairwise(places)]
    assert min(steps) > 4.5 and max(steps) - min(steps) < 1e-3


def test_a_row_that_runs_the_other_way_does_not_move_a_slice(tmp_path):
    paths = write_series(tmp_path, name="head", slices=6, bleed=False, size=64)
    ordinary = [s.position for s in only_series(scan(tmp_path)).slices]
    ds = pydicom.dcmread(paths[2])
    ds.ImageOrientationPatient = [-1, 0, 0, 0, 1, 0]
    ds.save_as(paths[2])
    assert [s.position for s in only_series(scan(tmp_path)).slices] == pytest.approx(ordinary)


def _set(paths, **values):
    for i, path in enumerate(paths):
        ds = pydicom.dcmread(path)
        for keyword, value in values.items():
            if value is None:
                del ds[keyword]
            else:
                setattr(ds, keyword, value(i) if callable(value) else value)
        ds.save_as(path)


@pytest.mark.parametrize(
    ("values", "used", "expected"),
    [
        (
            {"ImagePositionPatient": [0, 0, 0], "SliceLocation": lambda i: 5.0 * (i % 4) - i // 4},
            "SliceLocation",
            [4, 0, 1, 2, 3],
        ),
        (
            {
                "ImagePositionPatient": [-115, -115, 30],
                "SliceLocation": None,
                "InstanceNumber": lambda i: 9 - i,
            },
            "InstanceNumber",
            [4, 3, 2, 1, 0],
        ),
        (
            {
                "ImagePositionPatient": [0, 0, 0],
                "SliceLocation": 0.0,
                "InstanceNumber": lambda i: i + 1,
            },
            "InstanceNumber",
            [0, 1, 2, 3, 4],
        ),
        (
            {"ImagePositionPatient": None, "SliceLocation": 7, "InstanceNumber": lambda i: 9 - i},
            "InstanceNumber",
            [4, 3, 2, 1, 0],
        ),
        (
            {
                "ImagePositionPatient": [0, 0, 0],
                "ImageOrientationPatient": None,
                "SliceLocation": lambda i: -float(i),
            },
            "SliceLocation",
            [4, 3, 2, 1, 0],
        ),
    ],
)
def test_one_position_for_all_falls_back_with_a_remark(tmp_path, values, used, expected):
    paths = write_series(tmp_path, name="head", slices=5, bleed=False, size=64)
    _set(paths, **values)
    assert _names(tmp_path) == [paths[i].name for i in expected]
    (remark,) = only_series(scan(tmp_path)).remarks
    assert remark.code == Reason.ORDER_ASSUMED
    assert remark.reason.endswith(f"ordered by {used}")


def test_no_attribute_tells_the_places_apart(tmp_path):
    paths = write_series(tmp_path, name="head", slices=4, bleed=False, size=64)
    _set(paths, ImagePositionPatient=[0, 0, 0], SliceLocation=0, InstanceNumber=1)
    series = only_series(scan(tmp_path))
    assert [remark.code for remark in series.remarks] == [Reason.DUPLICATE_POSITION]
    assert series.count("admitted") == 4


def test_no_position_at_all_stays_a_failure(tmp_path):
    paths = write_series(tmp_path, name="head", slices=4, bleed=False, size=64)
    _set(paths, ImagePositionPatient=None, SliceLocation=None)
    series = only_series(scan(tmp_path))
    assert {s.judgement.code for s in series.slices} == {Reason.NO_POSITION}


def test_an_ordinary_series_keeps_its_places(tmp_path):
    write_series(tmp_path, name="head", slices=4, bleed=False, size=64)
    series = only_series(scan(tmp_path))
    assert [s.position for s in series.slices] == [s.position_z for s in series.slices]
    assert [s.position for s in series.slices] == [15.0, 10.0, 5.0, 0.0]
