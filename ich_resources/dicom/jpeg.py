"""What GDCM does with JPEG frames: 12 bits, and frames that it complains of."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.uid import JPEGExtended12Bit

_COMPLAINT = b"Corrupt JPEG data"


def decode_jpeg(frame: bytes, rows: int, columns: int, bits: int) -> npt.NDArray[np.integer[Any]]:
    """Decode a frame of JPEG Extended with 8 or 12 bits; pydicom does not ask GDCM for 12.

    Parameters
    ----------
    frame : bytes
        The frame.
    rows, columns, bits : int
        Rows, Columns and BitsStored.

    Returns
    -------
    uint8 or uint16 array, shape (rows, columns)
        Stored values.

    Raises
    ------
    ValueError
        If the frame is damaged.
    NotImplementedError
        If GDCM is not installed.

    References
    ----------
    DICOM PS3.5, section 8.2.1 and A.4.1 (1.2.840.10008.1.2.4.51).
    """
    try:
        import gdcm
    except ImportError as err:
        raise NotImplementedError("GDCM is not installed") from err
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    gray = gdcm.PhotometricInterpretation.MONOCHROME2
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(gray))
    syntax = gdcm.TransferSyntax.GetTSType(str(JPEGExtended12Bit))
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    image.SetPixelFormat(gdcm.PixelFormat(1, 8 if bits <= 8 else 16, bits, bits - 1, 0))
    with no_complaints():
        text = image.GetBuffer()
    if text is None:
        raise ValueError("GDCM gives no pixels: the frame is damaged")
    content = text.encode("utf-8", "surrogateescape")  # GDCM returns bytes as text
    if len(content) == rows * columns:
        return np.frombuffer(content, np.uint8).reshape(rows, columns)
    return np.frombuffer(content, np.uint16).reshape(rows, columns)


@contextmanager
def no_complaints() -> Iterator[None]:
    """Fail where libjpeg says that a frame is damaged: it goes on with pixels that it made up.

    It writes to the standard error alone, which is caught here. For child processes: other threads
    that write there would be heard as well.

    Raises
    ------
    ValueError
        If it said so.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    heard = os.memfd_create("stderr")
    os.dup2(heard, 2)
    try:
        yield
        os.lseek(heard, 0, os.SEEK_SET)
        said = os.read(heard, 10_000)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(heard)
    if _COMPLAINT in said:
        line = said[said.index(_COMPLAINT) :].splitlines()[0].decode("ascii", "replace")
        raise ValueError(f"the frame is damaged ({line})")
