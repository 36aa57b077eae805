"""Stored values that cannot become HU, judged by the header."""

import pydicom
import pytest
from ledgers import scan
from pixel_values import head, judge, rewrite
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ich_resources.dicom.scanned import ScannedFile, scan_file


def _lut():
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [2, 0, 16], "HU"
    item.LUTData = b"\0\0\1\0"
    return Sequence([item])


def _judgements(folder):
    (series,) = scan(folder).series
    return {(s.judgement.state, str(s.judgement.code)) for s in series.slices if s.judgement}


def _set(folder, names=(), **values):
    for path in folder.iterdir():
        if not names or path.name in names:
            ds = pydicom.dcmread(path)
            for keyword, value in values.items():
                if value is None:
                    del ds[keyword]
                else:
                    setattr(ds, keyword, value)
            ds.save_as(path)


@pytest.mark.parametrize(
    ("values", "state", "code"),
    [
        ({"RescaleType": "Z_EFF"}, "refused", "OTHER_UNIT"),
        ({"RescaleType": "MGML"}, "refused", "OTHER_UNIT"),
        ({"RescaleType": "HU_MOD"}, "refused", "OTHER_UNIT"),
        ({"PhotometricInterpretation": "RGB"}, "refused", "PICTURE"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "refused", "PICTURE"),
        ({"PhotometricInterpretation": "YBR_FULL_422", "SamplesPerPixel": 3}, "refused", "PICTURE"),
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, "refused", "PICTURE"),
        ({"BitsStored": 8, "HighBit": 7}, "refused", "PICTURE"),
        ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, "refused", "PICTURE"),
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "failed", "BAD_BITS"),
        ({"BitsStored": 12, "HighBit": 15}, "failed", "BAD_BITS"),
        ({"BitsStored": 12, "HighBit": 10}, "failed", "BAD_BITS"),
        ({"BitsStored": 17, "HighBit": 16}, "failed", "BAD_BITS"),
        ({"ModalityLUTSequence": _lut()}, "failed", "MODALITY_LUT"),
        ({"RescaleIntercept": "1e300"}, "failed", "BAD_RESCALE"),
        ({"RescaleIntercept": -40_000}, "failed", "BAD_RESCALE"),
        ({"RescaleSlope": "1e308"}, "failed", "BAD_RESCALE"),
        ({"RescaleSlope": "1e-9"}, "failed", "BAD_RESCALE"),
        ({"WindowCenter": 1_000_000}, "failed", "BAD_WINDOW"),
        ({"WindowCenter": -5000, "WindowWidth": 400}, "failed", "BAD_WINDOW"),
    ],
)
def test_what_cannot_be_hu(tmp_path, values, state, code):
    _set(head(tmp_path, slices=3, size=64), **values)
    assert _judgements(tmp_path) == {(state, code)}


@pytest.mark.parametrize(
    "absent",
    [
        ("RescaleSlope", "RescaleIntercept"),
        ("RescaleSlope",),
        ("RescaleIntercept",),
    ],
)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_unsigned_values_without_rescale_fail(tmp_path, absent, syntax):
    rewrite(head(tmp_path, slices=3, size=64), signed=False)
    for path in tmp_path.iterdir():
        ds = pydicom.dcmread(path)
        for keyword in absent:
            del ds[keyword]
        ds.file_meta.TransferSyntaxUID = syntax
        ds.save_as(path, enforce_file_format=True)
    assert _judgements(tmp_path) == {("failed", "BAD_RESCALE")}


def test_signed_values_without_rescale_are_hu(tmp_path):
    rewrite(head(tmp_path), intercept=None)
    assert judge(tmp_path).codes == set()


@pytest.mark.parametrize("unit", ["HU", "US", "hu ", None])
def test_the_units_of_hu(tmp_path, unit):
    _set(head(tmp_path, slices=3, size=64), RescaleType=unit)
    assert _judgements(tmp_path) == set()


@pytest.mark.parametrize(("bits", "signed"), [(12, False), (13, False), (16, False), (16, True)])
def test_the_bits_of_ct(tmp_path, bits, signed):
    rewrite(head(tmp_path), bits=bits, signed=signed)
    assert judge(tmp_path).codes == set()


@pytest.mark.parametrize(
    "picture",
    [
        {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7},
        {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0},
    ],
)
def test_a_gray_picture_between_slices_fails_and_is_not_lost_unsaid(tmp_path, picture):
    _set(head(tmp_path, slices=4, size=64), names=("IM0002",), **picture)
    assert _judgements(tmp_path) == {("failed", "BAD_BITS")}


def test_a_colour_map_between_slices_is_refused(tmp_path):
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}
    _set(head(tmp_path, slices=4, size=64), names=("IM0002",), **colour)
    assert _judgements(tmp_path) == {("refused", "PICTURE")}


def test_text_of_the_file_is_not_told(tmp_path):
    _set(head(tmp_path, slices=3, size=64), RescaleType="Doe^John")
    (series,) = scan(tmp_path).series
    assert "DOE" not in series.sentence.upper()


def test_the_new_values_survive_the_index_of_the_inbox(tmp_path):
    _set(head(tmp_path, slices=1, size=64), WindowCenter=[40, 600], WindowWidth=[80, 2800])
    file = scan_file("IM0001", tmp_path)
    assert ScannedFile.from_json({**file.to_json()}) == file
    assert file.header.windows == ((40, 80), (600, 2800))
