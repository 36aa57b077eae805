"""Order of slices: along the normal, whatever the plane, the file names and the sign."""

import pytest
from ledgers import scan

from ich_resources.dicom.geometry import position_along_normal, slice_normal
from ich_resources.dicom.header_values import read_header
from ich_resources.dicom.reading import read_series
from ich_resources.reasons import Reason

AXIAL = (1, 0, 0, 0, 1, 0)
TILTED = (1, 0, 0, 0, 0.948324, -0.317305)  # cos and sin of 18.5 degrees
SAGITTAL = (0, 1, 0, 0, 0, -1)
CORONAL = (1, 0, 0, 0, 0, -1)
NAMES = ("IM0001", "IM0002", "IM0003")


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (AXIAL, (0, 0, 1)),
        ((1, 0, 0, 0, -1, 0), (0, 0, 1)),  # the cross product is (0, 0, -1)
        ((2, 0, 0, 0, 3, 0), (0, 0, 1)),
        (TILTED, (0, 0.317305, 0.948324)),
        (SAGITTAL, (1, 0, 0)),  # the cross product is (-1, 0, 0)
        (CORONAL, (0, 1, 0)),
    ],
)
def test_slice_normal(orientation, expected):
    assert slice_normal(orientation) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("orientation", [(1, 0, 0, 1, 0, 0), (0,) * 6, (1, 0, 0, 2, 0, 0)])
def test_no_plane(orientation):
    with pytest.raises(ValueError, match="spans no plane"):
        slice_normal(orientation)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (AXIAL, 20),
        (None, 20),
        (TILTED, 10 * 0.317305 + 20 * 0.948324),
        (SAGITTAL, -7),
        (CORONAL, 10),
    ],
)
def test_position_along_normal(one, edit, orientation, expected):
    edit(one, ImagePositionPatient=[-7, 10, 20], ImageOrientationPatient=orientation)
    header = read_header(one.read_bytes(), one)
    assert position_along_normal(header) == pytest.approx(expected)


def test_no_position(one, edit):
    edit(one, ImagePositionPatient=None)
    assert position_along_normal(read_header(one.read_bytes(), one)) is None


def _read_order(folder):
    (series,) = scan(folder).series
    return [item.record.path for item in read_series(series, folder)]


def test_order_is_feet_to_head_against_the_file_names(phantom):
    assert _read_order(phantom) == ["IM0003", "IM0002", "IM0001"]


@pytest.mark.parametrize(
    ("orientation", "places", "expected"),
    [
        # 18.5 degrees of tilt: y moves with z, the order is that of z
        (TILTED, [(0, 4, 12), (0, 2, 6), (0, 0, 0)], "321"),
        # and where z is equal, y decides along the normal
        (TILTED, [(0, 5, 0), (0, -5, 0), (0, 0, 0)], "231"),
        ((1, 0, 0, 0, -1, 0), [(0, 0, 5), (0, 0, -5), (0, 0, 0)], "231"),
        (SAGITTAL, [(3, 9, 9), (-3, 9, 9), (0, 9, 9)], "231"),
        (CORONAL, [(0, 1, 0), (0, 3, -5), (0, 2, 5)], "132"),
        (None, [(0, 0, 2), (0, 0, 3), (0, 0, 1)], "312"),
    ],
)
def test_order(folder, edit, orientation, places, expected):
    for name, place in zip(NAMES, places, strict=True):
        edit(folder / name, ImagePositionPatient=place, ImageOrientationPatient=orientation)
    assert _read_order(folder) == [f"IM000{number}" for number in expected]


def test_equal_positions_are_ordered_by_uid(folder, edit):
    same = {"ImagePositionPatient": [0, 0, 7], "SliceLocation": 7, "InstanceNumber": None}
    for name, last in zip(NAMES, (3, 1, 2), strict=True):
        edit(folder / name, SOPInstanceUID=f"1.2.{last}", **same)
    assert _read_order(folder) == ["IM0002", "IM0003", "IM0001"]


def test_tilted_slice_tells_z_beside_its_position(one, edit):
    edit(one, ImagePositionPatient=[0, 10, 20], ImageOrientationPatient=TILTED)
    (series,) = scan(one.parent).series
    (record,) = series.slices
    assert record.position == pytest.approx(22.13953)
    assert record.position_z == 20


def test_missing_position_in_one_slice_fails_that_slice(folder, edit):
    edit(folder / "IM0002", ImagePositionPatient=None)  # SliceLocation is not a substitute here
    (series,) = scan(folder).series
    assert [record.state for record in series.slices] == ["admitted", "failed", "admitted"]
    assert series.slices[1].judgement.code == Reason.NO_POSITION
    assert series.slices[1].position is None


@pytest.mark.parametrize("place", [(0, 2, 6), None])
def test_missing_orientation_in_one_slice_fails_that_slice(folder, edit, place):
    for name, where in zip(NAMES, [(0, 4, 12), place, (0, 0, 0)], strict=True):
        edit(folder / name, ImagePositionPatient=where, ImageOrientationPatient=TILTED)
    edit(folder / "IM0002", ImageOrientationPatient=None)
    (series,) = scan(folder).series
    assert [record.state for record in series.slices] == ["admitted", "failed", "admitted"]
    lost = series.slices[1]
    assert (lost.judgement.code, lost.position) == (Reason.NO_POSITION, None)
    lacking = "ImageOrientationPatient" if place else "ImagePositionPatient"
    assert lost.judgement.reason == f"no {lacking}, which other slices of its series have"
    assert _read_order(folder) == ["IM0003", "IM0001"]


def test_an_orientation_that_nothing_can_use_asks_nothing_of_the_others(folder, edit):
    edit(folder / "IM0001", ImageOrientationPatient=[1, 0, 0, 1, 0, 0])
    for name in NAMES[1:]:
        edit(folder / name, ImageOrientationPatient=None)
    assert _read_order(folder) == ["IM0003", "IM0002"]


def test_orientation_is_not_missed_where_slice_location_gives_the_order(folder, edit):
    for name in NAMES:
        edit(folder / name, ImagePositionPatient=None)
    edit(folder / "IM0002", ImageOrientationPatient=None)
    assert _read_order(folder) == ["IM0003", "IM0002", "IM0001"]


def test_slice_location_counts_where_no_slice_has_a_position(folder, edit):
    for name, location in zip(NAMES, (-2.5, 7, 0), strict=True):
        edit(folder / name, ImagePositionPatient=None, SliceLocation=location)
    (series,) = scan(folder).series
    assert [record.position for record in series.slices] == [-2.5, 7, 0]
    assert [record.position_z for record in series.slices] == [-2.5, 7, 0]
    assert _read_order(folder) == ["IM0001", "IM0003", "IM0002"]


def test_refused_slice_does_not_choose_the_measure(folder, edit):
    edit(folder / "IM0001", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    for name in NAMES[1:]:
        edit(folder / name, ImagePositionPatient=None)
    assert _read_order(folder) == ["IM0003", "IM0002"]


def test_orientation_without_plane_fails(folder, edit):
    edit(folder / "IM0001", ImageOrientationPatient=[1, 0, 0, 1, 0, 0])
    (series,) = scan(folder).series
    assert series.slices[0].judgement.code == Reason.BAD_HEADER
    assert series.count("admitted") == 2
