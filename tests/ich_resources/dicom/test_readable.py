"""Files whose pixels can be read are read, whatever small thing is wrong around the pixels."""

import io
import struct

import compressing
import numpy as np
import pydicom
import pytest
from compressing import COMPRESSED, KINDS, LOSSY, NATIVE, as_kind
from ledgers import only_series, scan, unassigned_codes
from pydicom.encaps import generate_fragments
from pydicom.uid import ExplicitVRBigEndian

from ich_resources.dicom.reading import read_series
from ich_resources.reasons import Reason
from ich_resources.series_images import HuSlice

DICM = 132
FRAMED = [kind for kind in COMPRESSED if kind != "RLE"]


@pytest.fixture
def ds(one):
    """The slice, with 12 bits and no sign."""
    return compressing.unsigned(pydicom.dcmread(one))


@pytest.fixture
def hu(ds):
    return ds.pixel_array.astype(float) - 1024


@pytest.fixture
def read(one):
    """Return the HU of a file of some content, found under a name without an ending."""

    def reading(content: bytes) -> np.ndarray:
        one.write_bytes(content)
        series = only_series(scan(one.parent))
        (item,) = read_series(series, one.parent)
        assert isinstance(item, HuSlice), item.judgement
        return item.hu

    return reading


def without_meta(content: bytes) -> bytes:
    """Return the data set alone."""
    length = struct.unpack("<L", content[DICM + 8 : DICM + 12])[0]
    return content[DICM + 12 + length :]


def with_syntax(content: bytes, syntax: bytes) -> bytes:
    """Replace the value of TransferSyntaxUID."""
    at = content.index(b"\2\0\x10\0UI")
    (length,) = struct.unpack("<H", content[at + 6 : at + 8])
    value = content[at : at + 6] + struct.pack("<H", len(syntax)) + syntax
    (group,) = struct.unpack("<L", content[DICM + 8 : DICM + 12])
    total = struct.pack("<L", group + len(syntax) - length)
    rest = content[DICM + 12 : at] + value + content[at + 8 + length :]
    return content[: DICM + 8] + total + rest


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "deflated"])
def test_no_file_meta_and_no_preamble(kind, ds, hu, read):
    """The codec of a frame is told by its first bytes."""
    found = read(without_meta(as_kind(ds, kind)))
    assert np.abs(found - hu).max() <= LOSSY.get(kind, 0)


@pytest.mark.parametrize("kind", ["raw explicit", "raw implicit", "JPEG-LS", "RLE", "JPEG 2000"])
def test_an_empty_transfer_syntax(kind, ds, hu, read):
    assert np.array_equal(read(with_syntax(as_kind(ds, kind), b"")), hu)


@pytest.mark.parametrize("kind", ["raw explicit", "raw implicit", "deflated", "JPEG lossless SV1"])
@pytest.mark.parametrize("form", [b" %s", b"%s ", b"%s\0\0"])
def test_a_transfer_syntax_with_blanks(kind, form, ds, hu, read):
    syntax = str({**NATIVE, **{k: v[0] for k, v in COMPRESSED.items()}}[kind]).encode()
    assert np.array_equal(read(with_syntax(as_kind(ds, kind), form % syntax)), hu)


def test_no_transfer_syntax_in_big_endian(ds, hu, read):
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    ds.PixelData = ds.pixel_array.astype(">u2").tobytes()
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, ds, implicit_vr=False, little_endian=False)
    assert np.array_equal(read(buffer.getvalue()), hu)
    assert np.array_equal(read(without_meta(buffer.getvalue())), hu)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bit", range(0, 32, 9))
def test_one_flipped_bit_in_dicm(kind, bit, ds, hu, read):
    content = bytearray(as_kind(ds, kind))
    content[128 + bit // 8] ^= 1 << bit % 8
    assert np.abs(read(bytes(content)) - hu).max() <= LOSSY.get(kind, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [128, 132, 3])
def test_a_preamble_that_is_cut(kind, cut, ds, hu, read):
    assert np.abs(read(as_kind(ds, kind)[cut:]) - hu).max() <= LOSSY.get(kind, 0)


@pytest.mark.parametrize("kind", COMPRESSED)
@pytest.mark.parametrize("table", [b"\7\0\0\0", b"\0\0\0\0\x10\0\0\0", b"\xff\xff\xff\xff"])
def test_a_wrong_offset_table_of_one_frame(kind, table, ds, hu, read):
    content = as_kind(ds, kind)
    at = content.rindex(b"\xe0\x7f\x10\0") + 12
    (length,) = struct.unpack("<L", content[at + 4 : at + 8])
    item = content[at : at + 4] + struct.pack("<L", len(table)) + table
    assert np.abs(read(content[:at] + item + content[at + 8 + length :]) - hu).max() <= 8


@pytest.mark.parametrize("kind", FRAMED)
def test_no_offset_table(kind, ds, hu, read):
    content = as_kind(ds, kind)
    at = content.rindex(b"\xe0\x7f\x10\0") + 12
    (length,) = struct.unpack("<L", content[at + 4 : at + 8])
    assert np.abs(read(content[:at] + content[at + 8 + length :]) - hu).max() <= 8


@pytest.mark.parametrize("kind", COMPRESSED)
def test_one_frame_in_several_fragments(kind, ds, hu, read):
    whole = pydicom.dcmread(io.BytesIO(as_kind(ds, kind)))
    _, frame = generate_fragments(whole.PixelData)
    parts = [frame[start : start + 1000] for start in range(0, len(frame), 1000)]
    items = [b"\xfe\xff\x00\xe0" + struct.pack("<L", len(part)) + part for part in (b"", *parts)]
    whole.PixelData = b"".join(items)
    whole["PixelData"].is_undefined_length = True
    assert np.abs(read(compressing.written(whole)) - hu).max() <= LOSSY.get(kind, 0)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "deflated"])
@pytest.mark.parametrize("rest", [bytes(512), b"\xff" * 99, b"text after the end" * 9, b"\0\x28"])
def test_bytes_after_the_data_set(kind, rest, ds, hu, read):
    assert np.abs(read(as_kind(ds, kind) + rest) - hu).max() <= LOSSY.get(kind, 0)


@pytest.mark.parametrize("kind", FRAMED)
def test_bytes_after_the_frame(kind, ds, hu, read):
    frame = COMPRESSED[kind][1](ds.pixel_array) + bytes(50)
    assert np.abs(read(as_kind(ds, kind, frame)) - hu).max() <= LOSSY.get(kind, 0)


@pytest.mark.parametrize("extra", [2, 16, 100])
def test_bytes_after_the_pixels(extra, ds, hu, read):
    """Fewer than a row and a column has: no other Rows and Columns explain them."""
    ds.PixelData += b"\x55" * extra
    assert np.array_equal(read(compressing.written(ds)), hu)


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("kind", ["JPEG lossless SV1", "JPEG-LS", "RLE", "JPEG 12 bit"])
def test_signed_values_in_a_codec_without_sign(kind, bits, ds, read):
    if kind == "JPEG 12 bit" and bits == 16:
        pytest.skip("JPEG Extended has at most 12 bits")
    values = (ds.pixel_array.astype(np.int16) - 1024).clip(-1024, 2047)
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, 1
    ds.RescaleIntercept = 0
    ds.PixelData = values.tobytes()
    if kind == "RLE":
        content = as_kind(ds, kind)
    else:
        stored = values.view(np.uint16) & ((1 << bits) - 1)
        level = np.where(values < 0, 0, values).astype(np.uint16) if "12" in kind else stored
        values = level.astype(np.int16) if "12" in kind else values
        content = as_kind(ds, kind, COMPRESSED[kind][1](level))
    assert np.abs(read(content) - values).max() <= LOSSY.get(kind, 0)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("Modality", b" CT"), ("ImageType", b" ORIGINAL\\ PRIMARY \\ AXIAL"), ("Modality", b"CT  ")],
)
def test_blanks_around_coded_values(keyword, value, one, set_bytes):
    set_bytes(one, keyword, value)
    assert only_series(scan(one.parent)).count("admitted") == 1


def test_a_localizer_with_leading_blanks_is_refused(one, set_bytes):
    set_bytes(one, "ImageType", b"ORIGINAL\\PRIMARY\\ LOCALIZER")
    assert only_series(scan(one.parent)).slices[0].judgement.code is Reason.LOCALIZER


@pytest.mark.parametrize("start", [132, 200, 0])
def test_what_begins_like_dicom_and_is_not_is_listed(one, start):
    (one.parent / "IM0009").write_bytes(one.read_bytes()[:start] + b"\2\0\0\0UL" + b"\x99" * 90)
    ledger = scan(one.parent)
    assert only_series(ledger).count("admitted") == 1
    assert unassigned_codes(ledger) == {"IM0009": Reason.UNREADABLE}


@pytest.mark.parametrize("marker", [b"\xff\xc2", b"\xff\xc6", b"\xff\xca"])
def test_a_progressive_jpeg_is_not_decoded(marker, ds, one):
    frame = COMPRESSED["JPEG 12 bit"][1](ds.pixel_array)
    at = frame.index(b"\xff\xc1")
    one.write_bytes(as_kind(ds, "JPEG 12 bit", frame[:at] + marker + frame[at + 2 :]))
    (item,) = read_series(only_series(scan(one.parent)), one.parent)
    assert item.judgement.code is Reason.DECODE_FAILED
    assert "JPEG process" in item.judgement.reason


def test_a_frame_that_ends_early_fails(ds, one):
    """The decoder would make up the missing rows."""
    frame = COMPRESSED["JPEG lossless SV1"][1](ds.pixel_array)
    half = len(frame) // 2
    one.write_bytes(as_kind(ds, "JPEG lossless SV1", frame[:half] + frame[half + 40 :]))
    (item,) = read_series(only_series(scan(one.parent)), one.parent)
    assert item.judgement.code is Reason.DECODE_FAILED
