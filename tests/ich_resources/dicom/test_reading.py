"""Hounsfield units from files of every transfer syntax, and files that cannot give them."""

import hashlib
import shutil
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from ledgers import scan
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import MPEG2MPML, UID

from ich_resources.dicom.reading import READ_AHEAD, read_series, read_slice
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason
from ich_resources.series_images import HuSlice


def _read(folder):
    (series,) = scan(folder).series
    return list(read_series(series, folder))


def _failure(path):
    (record,) = _read(path.parent)
    assert record.judgement is not None and record.judgement.state == "failed"
    return record.judgement


def _frame(path):
    ds = pydicom.dcmread(path)
    return ds, get_frame(ds.PixelData, 0, number_of_frames=1)


@pytest.mark.parametrize(
    ("slope", "intercept", "expected"),
    [
        (1, -1024, [-1024, -1023, 0, 76]),
        (0.5, 0, [0, 0.5, 512, 550]),
        (0.5, -1024.25, [-1024.25, -1023.75, -512.25, -474.25]),
        (-2, 10, [10, 8, -2038, -2190]),
    ],
)
def test_hu_is_stored_times_slope_plus_intercept(one, edit, slope, intercept, expected):
    stored = np.tile(np.array([0, 1, 1024, 1100], np.int16), (32, 8))
    edit(
        one,
        Rows=32,
        Columns=32,
        PixelData=stored.tobytes(),
        RescaleSlope=slope,
        RescaleIntercept=intercept,
    )
    (item,) = _read(one.parent)
    assert item.hu.dtype == np.float64
    assert item.hu.tolist() == [expected * 8] * 32


def test_absent_rescale(one, edit):
    stored = np.tile(np.array([-2000, 3], np.int16), (32, 16))
    edit(one, Rows=32, Columns=32, PixelData=stored.tobytes())
    edit(one, RescaleSlope=None, RescaleIntercept=None)
    (item,) = _read(one.parent)
    assert item.hu.tolist() == [[-2000, 3] * 16] * 32


def test_window_comes_with_the_slice(one, edit):
    edit(one, WindowCenter=[35, 40], WindowWidth=[85, 80])
    (item,) = _read(one.parent)
    assert item.window == (35, 85)


def test_more_slices_than_are_read_ahead_stay_in_order(one, edit):
    for number in range(READ_AHEAD + 5):
        path = one.parent / f"S{number:02d}"
        path.write_bytes(one.read_bytes())
        edit(path, SOPInstanceUID=f"1.2.{number}", ImagePositionPatient=[0, 0, -number])
        edit(path, RescaleIntercept=number, PixelData=bytes(64 * 64 * 2))
    one.unlink()
    values = [item.hu.max() for item in _read(one.parent)]
    assert values == list(range(READ_AHEAD + 5))[::-1]


SIGNED = np.linspace(-3024, 3071, 64 * 64).reshape(64, 64).astype(np.int16)
UNSIGNED = (SIGNED + 3024).clip(0, 4095).astype(np.uint16)
PIXELS = {
    "phantom": None,
    "signed": {"PixelData": SIGNED.tobytes(), "RescaleIntercept": 0},
    "12 bits": {
        "PixelData": UNSIGNED.tobytes(),
        "PixelRepresentation": 0,
        "BitsStored": 12,
        "HighBit": 11,
    },
    "wide": {"PixelData": UNSIGNED[:48].tobytes(), "Rows": 32, "Columns": 96},
}


@pytest.mark.parametrize("kind", PIXELS)
def test_compressed_copies_give_the_same_hu(one, edit, compress, kind):
    edit(one, **(PIXELS[kind] or {}))
    (plain,) = _read(one.parent)
    before = one.read_bytes()
    compress(one)
    assert one.read_bytes() != before
    (item,) = _read(one.parent)
    assert isinstance(item, HuSlice), item.judgement
    assert np.array_equal(item.hu, plain.hu)


@pytest.mark.parametrize(("rows", "columns"), [(32, 64), (64, 32), (128, 64), (65, 64), (64, 63)])
def test_wrong_rows_and_columns_uncompressed(one, edit, rows, columns):
    edit(one, Rows=rows, Columns=columns)
    judgement = _failure(one)
    assert judgement.code == Reason.SIZE_MISMATCH
    assert f"Rows {rows} x Columns {columns}" in judgement.reason


@pytest.mark.parametrize(("rows", "columns"), [(32, 64), (64, 32), (128, 64), (65, 64), (64, 63)])
def test_wrong_rows_and_columns_compressed(one, edit, compress, rows, columns):
    compress(one)
    edit(one, Rows=rows, Columns=columns)
    assert _failure(one).code == Reason.SIZE_MISMATCH


@pytest.mark.parametrize(
    "compress",
    ["JPEG lossless SV1", "JPEG lossless process 14", "JPEG-LS", "JPEG 2000"],  # RLE cannot tell
    indirect=True,
)
def test_other_shape_of_as_many_pixels_compressed(one, edit, compress):
    """Some decoders would give a picture of 32 x 128, and no error."""
    compress(one)
    edit(one, Rows=32, Columns=128)
    assert _failure(one).code == Reason.SIZE_MISMATCH


@pytest.mark.parametrize("part", [0.01, 0.1, 0.5, 0.9])
def test_truncated_frame(one, compress, part):
    compress(one)
    ds, frame = _frame(one)
    ds.PixelData = encapsulate([frame[: max(16, int(len(frame) * part))]])
    ds.save_as(one)
    assert _failure(one).code in (Reason.DECODE_FAILED, Reason.SIZE_MISMATCH)


def test_frame_of_nonsense(one, compress):
    compress(one)
    ds, frame = _frame(one)
    ds.PixelData = encapsulate([b"nonsense" * (len(frame) // 8)])
    ds.save_as(one)
    judgement = _failure(one)
    assert judgement.code in (Reason.DECODE_FAILED, Reason.SIZE_MISMATCH)
    assert "\n" not in judgement.reason


@pytest.mark.parametrize("length", [1, 64 * 64 * 2 - 2, 64 * 64 * 2 + 128])  # one row more
def test_wrong_number_of_pixel_bytes(one, edit, length):
    edit(one, PixelData=bytes(length))
    assert _failure(one).code == Reason.SIZE_MISMATCH


def test_missing_pixel_description_fails(one, edit):
    edit(one, BitsAllocated=None)
    assert _failure(one).code == Reason.DECODE_FAILED


@pytest.mark.parametrize("syntax", [MPEG2MPML, UID("1.2.840.10008.1.2.4.94")])  # a film, JPIP
def test_no_decoder(one, syntax):
    ds = pydicom.dcmread(one)
    ds.PixelData = encapsulate([b"a film" * 20])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = syntax
    ds.save_as(one)
    judgement = _failure(one)
    assert judgement.code == Reason.DECODER_MISSING
    assert syntax.name in judgement.reason and "cannot be decoded" in judgement.reason
    (series,) = scan(one.parent).series
    with pytest.raises(DicomError, match="install the codec"):
        read_slice(series.slices[0], one.parent)


def test_one_bad_slice_leaves_the_others(folder, edit):
    edit(folder / "IM0002", Rows=63)
    good_low, bad, good_high = _read(folder)
    assert isinstance(good_low, HuSlice) and isinstance(good_high, HuSlice)
    assert (bad.path, bad.judgement.code) == ("IM0002", Reason.SIZE_MISMATCH)


def test_only_admitted_slices_are_read(folder, edit):
    edit(folder / "IM0001", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    edit(folder / "IM0003", WindowWidth=0)
    assert [item.record.path for item in _read(folder)] == ["IM0002"]


CHANGES = [
    (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\x7f"), Reason.CHANGED),
    (lambda path: path.write_bytes(path.read_bytes()[:500]), Reason.CHANGED),
    (lambda path: path.write_bytes(b""), Reason.CHANGED),
    (lambda path: path.unlink(), Reason.UNREADABLE),
]


@pytest.mark.parametrize(("change", "code"), CHANGES)
def test_file_that_is_not_what_was_judged(folder, change, code):
    (series,) = scan(folder).series
    change(folder / "IM0002")
    failed = [item for item in read_series(series, folder) if not isinstance(item, HuSlice)]
    assert [(record.path, record.judgement.code) for record in failed] == [("IM0002", code)]


@pytest.mark.parametrize(("change", "code"), CHANGES)
def test_a_copy_stands_in_for_a_file_that_is_not_what_was_judged(folder, change, code):
    for name in ("again", "more"):
        shutil.copy(folder / "IM0002", folder / name)
    (series,) = scan(folder).series
    expected = [item.hu for item in read_series(series, folder)]
    change(folder / "IM0002")
    change(folder / "again")
    found = list(read_series(series, folder))
    assert [item.record.path for item in found] == ["IM0003", "IM0002", "IM0001"]
    assert np.array_equal([item.hu for item in found], expected)
    change(folder / "more")
    lost = list(read_series(series, folder))[1]
    assert (lost.path, lost.judgement.code) == ("IM0002", code)


def test_changed_file_says_what_to_do(folder):
    (series,) = scan(folder).series
    with pytest.raises(DicomError, match="changed since.*-> materialise series_ledger again"):
        read_slice(replace(series.slices[0], digest="0" * 64), folder)


def test_input_is_left_as_it_was(folder, compress):
    compress(folder / "IM0002")
    (folder / "IM0003").write_bytes((folder / "IM0003").read_bytes()[:-100])
    (folder / "notes.txt").write_text("x")

    def state():
        return {
            path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in folder.rglob("*")
        }

    before = state()
    assert len(_read(folder)) == 2
    assert state() == before
