"""What size a compressed frame says it has; some decoders trust the header instead, and cut."""

import struct

from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import JPEG2000TransferSyntaxes, RLELossless

_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}


def encoded_pixels(dataset: Dataset) -> int | None:
    """Return how many pixels the compressed first frame holds, None where it does not say.

    Parameters
    ----------
    dataset : Dataset
        With encapsulated PixelData of one frame.

    References
    ----------
    ISO/IEC 10918-1 B.2.2 (frame header; JPEG-LS uses SOF55 likewise), DICOM PS3.5 annex G (RLE).
    JPEG 2000 needs no help: its decoder refuses another size.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in JPEG2000TransferSyntaxes:
        return None
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    return _rle_pixels(frame) if syntax == RLELossless else _jpeg_pixels(frame)


def _jpeg_pixels(frame: bytes) -> int | None:
    at = 2
    while at + 9 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker in _START_OF_FRAME:
            rows, columns = struct.unpack(">HH", frame[at + 5 : at + 9])
            return rows * columns
        if marker == 0xFF:
            at += 1
        elif marker in _STANDALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None


def _rle_pixels(frame: bytes) -> int | None:
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
