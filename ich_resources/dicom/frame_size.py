"""What size a compressed frame says it has; some decoders trust the header instead, and cut."""

import struct

from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import (
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_START_OF_CODESTREAM = b"\xff\x4f\xff\x51"


def misfit(dataset: Dataset) -> str:
    """Return what the compressed first frame holds where that is not Rows x Columns, else ``""``.

    Parameters
    ----------
    dataset : Dataset
        With encapsulated PixelData of one frame.

    Notes
    -----
    An RLE frame says only how many pixels it has, not how wide it is. A JPEG frame is checked for
    its depth too: GDCM ends the whole process where that is impossible.

    References
    ----------
    ISO/IEC 10918-1 B.2.2 (frame header; JPEG-LS uses SOF55 likewise), ISO/IEC 15444-1 A.5.1
    (SIZ), DICOM PS3.5 annex G (RLE).
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    rows, columns = dataset.Rows, dataset.Columns
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if syntax == RLELossless:
        pixels = _rle_pixels(frame)
        # One byte may pad a segment (DICOM PS3.5, annex G.3.1).
        return "" if pixels - rows * columns in (0, 1) else f"{pixels} compressed pixels"
    if syntax in JPEGTransferSyntaxes + JPEGLSTransferSyntaxes:
        bits, *size, components = _jpeg_header(frame)
        if not 2 <= bits <= dataset.BitsAllocated or components != 1:
            return f"compressed pixels of {components} x {bits} bits"
    elif syntax in JPEG2000TransferSyntaxes:
        size = _jpeg2000_size(frame)
    else:
        return ""  # nothing decodes it
    return "" if size == [rows, columns] else f"{size[0]} x {size[1]} compressed pixels"


def _jpeg_header(frame: bytes) -> tuple[int, int, int, int]:
    """Return bits, rows, columns and components.

    Raises
    ------
    ValueError
        If the frame has no frame header.
    """
    at = 2
    while at + 10 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker in _START_OF_FRAME:
            bits, rows, columns, components = struct.unpack(">BHHB", frame[at + 4 : at + 10])
            return bits, rows, columns, components
        if marker == 0xFF:
            at += 1
        elif marker in _STANDALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    raise ValueError("the JPEG frame has no frame header")


def _jpeg2000_size(frame: bytes) -> list[int]:
    """Return rows and columns.

    Raises
    ------
    ValueError
        If the frame has no codestream.
    """
    at = frame.find(_START_OF_CODESTREAM)
    if at < 0:
        raise ValueError("the JPEG 2000 frame has no codestream")
    right, bottom, left, top = struct.unpack(">4L", frame[at + 8 : at + 24])
    return [bottom - top, right - left]


def _rle_pixels(frame: bytes) -> int:
    """Count the pixels of the first segment: each segment holds one byte of every pixel."""
    segments, first, second = struct.unpack("<3L", frame[:12])
    end = second if segments > 1 else len(frame)
    at, pixels = first, 0
    while at < end:
        control = frame[at]
        if control < 128:
            pixels, at = pixels + control + 1, at + control + 2
        elif control > 128:
            pixels, at = pixels + 257 - control, at + 2
        else:
            at += 1
    return pixels
