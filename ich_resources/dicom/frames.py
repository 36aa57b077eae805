"""The one frame of a data set with encapsulated pixels, and the codec that wrote it."""

import struct

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLSLossless,
    RLELossless,
)

_ITEM = b"\xfe\xff\x00\xe0"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0"
_JPEG_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP")


def is_encapsulated(dataset: Dataset) -> bool:
    """Return whether the pixels stand in items, whatever the transfer syntax says."""
    element = dataset["PixelData"]
    return bool(element.is_undefined_length) or element.value[:4] == _ITEM


def one_frame(pixels: bytes) -> bytes:
    """Join the fragments of the one frame. For one frame the offset table does not matter.

    Parameters
    ----------
    pixels : bytes
        The value of PixelData: items.

    Returns
    -------
    bytes
        The frame, with its padding.

    Raises
    ------
    ValueError
        If an item is broken, or the pixels have no fragment.

    References
    ----------
    DICOM PS3.5, section A.4.
    """
    fragments, at = [], 0
    while pixels[at : at + 4] == _ITEM:
        (length,) = struct.unpack("<L", pixels[at + 4 : at + 8])
        if at + 8 + length > len(pixels):
            raise ValueError("a fragment of the pixels is cut")
        fragments.append(pixels[at + 8 : at + 8 + length])
        at += 8 + length
    if pixels[at : at + 4] not in (b"", _SEQUENCE_END):
        raise ValueError("the items of the pixels are broken")
    # The first item is the offset table; some writers leave it out.
    if fragments and not fragments[0].startswith(_JPEG_STARTS):
        del fragments[0]
    if not fragments:
        raise ValueError("the pixels have no fragment")
    return b"".join(fragments)


def plugin_for(syntax: UID) -> str:
    """Return which decoder of pydicom reads frames of a transfer syntax.

    Parameters
    ----------
    syntax : UID
        The transfer syntax.
    """
    return "pydicom" if syntax == RLELossless else "gdcm"


def codec(dataset: Dataset, frame: bytes) -> UID:
    """Return the transfer syntax that a frame is to be decoded with.

    Parameters
    ----------
    dataset : Dataset
        The data set, with its transfer syntax.
    frame : bytes
        Its frame.

    Returns
    -------
    UID
        The transfer syntax of the data set. Where that is one for native pixels, or where there is
        none, the one that the frame begins like.

    Raises
    ------
    ValueError
        If the frame begins like none.
    """
    syntax: UID = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_transfer_syntax or syntax.is_encapsulated:
        return syntax
    if frame.startswith(b"\xff\xd8\xff"):
        return _jpeg(frame)
    if frame.startswith(_JPEG_STARTS):
        return JPEG2000Lossless
    if len(frame) > 64 and frame[0] in (1, 2, 4) and frame[4:8] == b"\x40\0\0\0":
        return RLELossless
    raise ValueError(f"the pixels are encapsulated, and the transfer syntax says {syntax.name}")


def _jpeg(frame: bytes) -> UID:
    by_marker = {
        0xC0: JPEGBaseline8Bit,
        0xC1: JPEGExtended12Bit,
        0xC3: JPEGLossless,
        0xF7: JPEGLSLossless,
    }
    at = 2
    while at + 4 <= len(frame) and frame[at] == 0xFF:
        if frame[at + 1] in by_marker:
            return by_marker[frame[at + 1]]
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return ExplicitVRLittleEndian  # no decoder of ours reads it
