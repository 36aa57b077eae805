"""Size of compressed frames, from frames written byte by byte."""

import struct

import pytest
from pydicom.uid import (
    MPEG2MPML,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from ich_resources.dicom.frame_size import frame_mismatch


def mismatch(syntax, frame, rows, columns):
    return frame_mismatch(frame, syntax, rows, columns, 16)


def _jpeg(marker, *, bits=16, rows=3, columns=5, components=1, before=b""):
    body = struct.pack(">HBHHB", 11, bits, rows, columns, components) + b"\x01\x11\x00"
    return b"\xff\xd8" + before + b"\xff" + bytes([marker]) + body + b"\xff\xda"


def _rle(*segments):
    at, offsets = 64, []
    for segment in segments:
        offsets.append(at)
        at += len(segment)
    return struct.pack("<16L", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(
        segments
    )


def _jpeg2000(right, bottom, left=0, top=0):
    return b"\xff\x4f\xff\x51" + struct.pack(">HH4L", 41, 0, right, bottom, left, top) + b"\0" * 40


APP0 = b"\xff\xe0\x00\x04\xc3\xc3"  # its content looks like a frame header, and is none
TABLES = b"\xff\xc4\x00\x03\x00" + b"\xff\xff\xff\x01"  # Huffman table, fill bytes, TEM
# 16-bit pixels, 3 x 5: two segments (high and low bytes) of 15 bytes each
LITERAL = bytes([14, *range(15), 128])  # 15 literal bytes, no-op
RUNS = bytes([256 - 9, 7, 4, 1, 2, 3, 4, 5])  # 10 times 7, then 5 literal bytes

FRAMES = [
    pytest.param(JPEGLosslessSV1, _jpeg(0xC3), id="lossless"),
    pytest.param(JPEGLosslessSV1, _jpeg(0xC3, before=APP0), id="after APP0"),
    pytest.param(JPEGLosslessSV1, _jpeg(0xC3, before=TABLES), id="after tables"),
    pytest.param(JPEGLSLossless, _jpeg(0xF7), id="JPEG-LS"),
    pytest.param(JPEG2000Lossless, _jpeg2000(5, 3), id="J2K"),
    pytest.param(JPEG2000Lossless, _jpeg2000(105, 23, 100, 20), id="J2K with offset"),
    pytest.param(JPEG2000Lossless, b"\0\0\0\x0cjP  \r\n\x87\n" + _jpeg2000(5, 3), id="JP2 box"),
    pytest.param(RLELossless, _rle(LITERAL, LITERAL), id="RLE literal"),
    pytest.param(RLELossless, _rle(RUNS, LITERAL), id="RLE runs"),
    pytest.param(RLELossless, _rle(RUNS), id="RLE one segment"),
]


@pytest.mark.parametrize(("syntax", "frame"), FRAMES)
def test_fitting_frame(syntax, frame):
    assert mismatch(syntax, frame, 3, 5) == ""


@pytest.mark.parametrize(("syntax", "frame"), FRAMES)
@pytest.mark.parametrize(("rows", "columns"), [(6, 5), (3, 4), (2, 5), (3, 10), (512, 512)])
def test_frame_of_another_size(syntax, frame, rows, columns):
    expected = "15 compressed pixels" if syntax == RLELossless else "3 x 5 compressed pixels"
    assert mismatch(syntax, frame, rows, columns) == expected


@pytest.mark.parametrize(("syntax", "frame"), FRAMES)
def test_rows_and_columns_exchanged(syntax, frame):
    """As many pixels, and yet another picture; RLE alone cannot tell."""
    found = mismatch(syntax, frame, 5, 3)
    assert found == ("" if syntax == RLELossless else "3 x 5 compressed pixels")


def test_rle_segment_may_be_padded():
    # the segment is 16 bytes of runs; the pad byte 0 reads as one literal more
    padded = bytes([256 - 14, 7, 0, 0])
    assert mismatch(RLELossless, _rle(padded, padded), 3, 5) == ""


@pytest.mark.parametrize(("bits", "components"), [(98, 1), (17, 1), (1, 1), (8, 3), (16, 0)])
def test_impossible_depth(bits, components):
    frame = _jpeg(0xF7, bits=bits, components=components)
    found = mismatch(JPEGLSLossless, frame, 3, 5)
    assert found == f"compressed pixels of {components} x {bits} bits"


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [
        (JPEGLosslessSV1, b"\xff\xd8\xff\xda" + b"\0" * 40),
        (JPEGLosslessSV1, b"no JPEG at all, but long enough"),
        (JPEGLosslessSV1, _jpeg(0xC3)[:9]),
        (JPEG2000Lossless, b"no JPEG 2000 at all, but long enough"),
    ],
)
def test_no_frame_header(syntax, frame):
    with pytest.raises(ValueError, match="has no"):
        mismatch(syntax, frame, 3, 5)


def test_syntax_that_is_not_looked_into():
    assert mismatch(MPEG2MPML, b"\0\0\1\xb3 a film", 3, 5) == ""
