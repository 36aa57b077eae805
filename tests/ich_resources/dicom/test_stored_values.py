"""Padding above the window, and the mending of two known defects."""

import numpy as np
import pydicom
import pytest
from pixel_values import head, judge, rewrite
from pydicom.uid import ImplicitVRLittleEndian

from ich_resources.dicom.reading import ReadingOptions
from ich_resources.dicom.stored_values import Mending

SIZE = 128
MEND_12BIT = ReadingOptions(mending=Mending(wrapped_12bit=True))
MEND_SIGNED = ReadingOptions(mending=Mending(signed=True))


def _ring(value, inner=-1000.0):
    def change(hu):
        y, x = np.ogrid[: len(hu), : len(hu)]
        centre = (len(hu) - 1) / 2
        outside = (y - centre) ** 2 + (x - centre) ** 2 > (len(hu) / 2) ** 2
        return np.where(outside, value, np.maximum(hu, inner))

    return change


def _images(folder, options=None):
    return judge(folder, options or ReadingOptions()).images


@pytest.fixture
def expected(tmp_path):
    """The images of the phantom with ordinary padding."""
    return _images(rewrite(head(tmp_path / "expected"), _ring(-1500)))


def _equal(one, other):
    return len(one) == len(other) and all(map(np.array_equal, one, other))


@pytest.mark.parametrize("value", [-1500, -2000, -3024])
@pytest.mark.parametrize("named", [True, False])
def test_ordinary_padding_gives_the_same_bytes(tmp_path, expected, value, named):
    folder = rewrite(head(tmp_path / "in"), _ring(value), intercept=0)
    for path in folder.iterdir() if named else ():
        ds = pydicom.dcmread(path)
        ds.add_new(0x00280120, "SS", value)
        ds.save_as(path)
    found = judge(folder)
    assert found.codes == set()
    assert _equal(found.images, expected)


@pytest.mark.parametrize(
    ("stored", "vr", "named", "limit"),
    [
        (63_536, "US", 63_536, None),
        (63_536, "SS", -2000, None),
        (4095, "US", 4095, None),
        (65_000, "US", 65_535, 64_000),
        (65_000, "US", 64_000, 65_535),
    ],
)
def test_padding_above_the_window_is_its_lower_end(tmp_path, expected, stored, vr, named, limit):
    folder = rewrite(head(tmp_path / "in"), _ring(stored - 1024), signed=False)
    for path in folder.iterdir():
        ds = pydicom.dcmread(path)
        ds.add_new(0x00280120, vr, named)
        if limit is not None:
            ds.add_new(0x00280121, vr, limit)
        ds.save_as(path)
    found = judge(folder)
    assert found.codes == set()
    assert _equal(found.images, expected)


def test_padding_in_implicit_vr(tmp_path, expected):
    folder = rewrite(head(tmp_path / "in"), _ring(2000))
    for path in folder.iterdir():
        ds = pydicom.dcmread(path)
        ds.add_new(0x00280120, "SS", 3024)
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        ds.save_as(path, enforce_file_format=True)
    assert _equal(judge(folder).images, expected)


def test_padding_that_the_decoder_cuts_to_12_bits(tmp_path, expected):
    folder = rewrite(head(tmp_path / "in"), _ring(63_536 - 1024), signed=False, bits=12)
    for path in folder.iterdir():
        ds = pydicom.dcmread(path)
        ds.add_new(0x00280120, "US", 63_536)
        ds.save_as(path)
    assert _equal(judge(folder).images, expected)


def test_bone_with_the_value_of_cut_padding_stays_bone(tmp_path):
    folder = rewrite(head(tmp_path), signed=False, bits=12)
    before = judge(folder)
    for path in folder.iterdir():
        ds = pydicom.dcmread(path)
        ds.add_new(0x00280120, "US", 2**12 + 2030)  # a few pixels of bone have 2030
        ds.save_as(path)
    assert _equal(judge(folder).images, before.images)
    assert all(item.padding is None for item in judge(folder).items)


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("intercept", [0, 1])
def test_hu_wrapped_at_12_bits_are_mended(tmp_path, bits, intercept):
    before = _images(head(tmp_path / "good"))
    stored = {"signed": False, "intercept": 0, "bits": bits}
    folder = rewrite(head(tmp_path / "bad"), lambda hu: (np.rint(hu) - intercept) % 4096, **stored)
    for path in folder.iterdir():
        ds = pydicom.dcmread(path)
        ds.RescaleIntercept = intercept
        ds.save_as(path)
    assert judge(folder).codes == {"NOT_HU"}
    mended = judge(folder, MEND_12BIT)
    assert mended.codes == {"MENDED"}
    assert mended.verdict.remarks[0].reason == "slices mended (12 bits): 5"
    assert _equal(mended.images, before)


@pytest.mark.parametrize("value", [-1500, -2000, -3024])
def test_wrapped_padding_is_mended_too(tmp_path, expected, value):
    change = _ring(value)
    folder = rewrite(
        head(tmp_path / "bad"),
        lambda hu: np.rint(change(hu)) % 4096,
        signed=False,
        intercept=0,
        bits=12,
    )
    assert _equal(_images(folder, MEND_12BIT), expected)


@pytest.mark.parametrize("intercept", [0, -1000])
def test_signed_values_that_are_labelled_unsigned_are_mended(tmp_path, intercept):
    before = _images(head(tmp_path / "good"))
    folder = rewrite(head(tmp_path / "bad"), signed=False, intercept=intercept)
    assert judge(folder).codes == {"NOT_HU"}
    mended = judge(folder, MEND_SIGNED)
    assert mended.codes == {"MENDED"}
    assert _equal(mended.images, before)


def test_signed_values_of_13_bits_are_mended(tmp_path):
    before = _images(head(tmp_path / "good"))
    folder = rewrite(head(tmp_path / "bad"), signed=False, intercept=0, bits=13)
    assert _equal(_images(folder, MEND_SIGNED), before)


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"signed": False},
        {"signed": False, "bits": 12},
        {"signed": False, "intercept": -8192},
        {"intercept": 0},
    ],
)
@pytest.mark.parametrize("options", [MEND_12BIT, MEND_SIGNED])
def test_a_switch_changes_no_slice_without_the_defect(tmp_path, stored, options):
    def metal(hu):
        hu[60:64, 60:64] = 30_710 if stored.get("bits") != 12 else 3071
        return hu

    folder = rewrite(head(tmp_path), metal, **stored)
    found = judge(folder, options)
    assert found.codes == set()
    assert _equal(found.images, _images(folder))
