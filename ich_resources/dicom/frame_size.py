"""Compare the size in a compressed frame with Rows and Columns.

Some decoders use Rows and Columns of the header instead, and cut the image.
"""

import struct

from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL, _LOSSLESS, _JPEG_LS = {0xC0, 0xC1}, {0xC3}, {0xF7}
_START_OF_CODESTREAM = b"\xff\x4f\xff\x51"


def frame_mismatch(frame: bytes, syntax: UID, rows: int, columns: int, allocated: int) -> str:
    """Describe a compressed frame that does not fit Rows x Columns.

    Parameters
    ----------
    frame : bytes
        The frame.
    syntax : UID
        Its transfer syntax.
    rows, columns, allocated : int
        Rows, Columns and BitsAllocated of the header.

    Returns
    -------
    str
        The content of the frame, such as ``256 x 256 compressed pixels``; empty if it fits.

    Raises
    ------
    ValueError
        If a JPEG frame has no header, or one of a process that no CT syntax has (progressive), or a
        JPEG 2000 frame has no codestream.

    Notes
    -----
    An RLE frame has a number of pixels, but no width. The bit depth of a JPEG frame is checked as
    well: GDCM ends the process if the depth is impossible.

    References
    ----------
    ISO/IEC 10918-1 B.2.2 (frame header; the same in SOF55 of JPEG-LS), ISO/IEC 15444-1 A.5.1
    (SIZ), DICOM PS3.5 section 8.2 and annex G (RLE).
    """
    if syntax == RLELossless:
        pixels = _rle_pixels(frame)
        # A segment may end with one byte of padding (DICOM PS3.5, annex G.3.1).
        return "" if pixels - rows * columns in (0, 1) else f"{pixels} compressed pixels"
    if syntax in JPEGTransferSyntaxes + JPEGLSTransferSyntaxes:
        marker, bits, *size, components = _jpeg_header(frame)
        if not 2 <= bits <= allocated or components != 1:
            return f"compressed pixels of {components} x {bits} bits"
        if marker not in (
            _JPEG_LS if syntax in JPEGLSTransferSyntaxes else _SEQUENTIAL | _LOSSLESS
        ):
            raise ValueError(f"the frame is of a JPEG process (SOF{marker - 0xC0}) that CT has not")
    elif syntax in JPEG2000TransferSyntaxes:
        size = _jpeg2000_size(frame)
    else:
        return ""  # no decoder reads it
    return "" if size == [rows, columns] else f"{size[0]} x {size[1]} compressed pixels"


def _jpeg_header(frame: bytes) -> tuple[int, int, int, int, int]:
    """Return the marker, bits, rows, columns and components.

    Raises
    ------
    ValueError
        If the frame has no frame header.
    """
    offset = 2
    while offset + 10 <= len(frame) and frame[offset] == 0xFF:
        marker = frame[offset + 1]
        if marker in _START_OF_FRAME:
            bits, rows, columns, components = struct.unpack(
                ">BHHB", frame[offset + 4 : offset + 10]
            )
            return marker, bits, rows, columns, components
        if marker == 0xFF:
            offset += 1
        elif marker in _STANDALONE:
            offset += 2
        else:
            offset += 2 + int.from_bytes(frame[offset + 2 : offset + 4], "big")
    raise ValueError("the JPEG frame has no frame header")


def _jpeg2000_size(frame: bytes) -> list[int]:
    """Return rows and columns.

    Raises
    ------
    ValueError
        If the frame has no codestream.
    """
    offset = frame.find(_START_OF_CODESTREAM)
    if offset < 0:
        raise ValueError("the JPEG 2000 frame has no codestream")
    right, bottom, left, top = struct.unpack(">4L", frame[offset + 8 : offset + 24])
    return [bottom - top, right - left]


def _rle_pixels(frame: bytes) -> int:
    """Count the pixels of the first segment. Each segment has one byte of every pixel."""
    segments, first, second = struct.unpack("<3L", frame[:12])
    end = second if segments > 1 else len(frame)
    offset, pixels = first, 0
    while offset < end:
        control = frame[offset]
        if control < 128:
            pixels, offset = pixels + control + 1, offset + control + 2
        elif control > 128:
            pixels, offset = pixels + 257 - control, offset + 2
        else:
            offset += 1
    return pixels
