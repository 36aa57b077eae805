"""Decode the pixels of one file. Compressed frames are decoded in a child process.

GDCM crashes on some damaged JPEG frames, and its process ends. In a child process such a file fails
one slice only.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.uid import RLELossless

from ich_resources.children import Children
from ich_resources.dicom.parsing import PARSE_ERRORS, read_dataset

_MISSING = "NotImplementedError"
_ARRAY = b"\x93NUMPY"
"""First bytes of an .npy file. Any other answer is an error: its class, a colon, its message."""
_DECODERS = Children("ich_resources.dicom.decoder")


def decode(content: bytes, path: Path) -> npt.NDArray[np.generic]:
    """Return the stored values of the one frame of a file.

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Path of the file, for error texts.

    Returns
    -------
    integer array, shape (H, W)
        Stored values (DICOM PS3.3 C.7.6.3.1), before the rescale to HU.

    Raises
    ------
    DicomError
        If the file is not a DICOM data set.
    RuntimeError
        If the decoder rejects the frame, or crashes on it.
    NotImplementedError
        If there is no decoder for the transfer syntax.

    Notes
    -----
    Damaged pixels that are not compressed, or RLE, raise one of ``parsing.PARSE_ERRORS``.
    """
    syntax = read_dataset(content, path).file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_encapsulated or syntax == RLELossless:
        return np.asarray(read_dataset(content, path).pixel_array)
    try:
        answer = _DECODERS.ask(content)
    except EOFError as err:
        raise RuntimeError("the decoder crashed on it: the frame is damaged") from err
    if answer.startswith(_ARRAY):
        return np.asarray(np.load(io.BytesIO(answer), allow_pickle=False))
    error, _, message = answer.decode().partition(":")
    if error == _MISSING:
        raise NotImplementedError(message)
    raise RuntimeError(message)


def decode_to_bytes(content: bytes) -> bytes:
    """Decode a file in the child process.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bytes
        The array as an .npy file, or the class of an error, a colon and its message.
    """
    try:
        buffer = io.BytesIO()
        array: npt.NDArray[Any] = read_dataset(content, Path("a file")).pixel_array
        np.save(buffer, array, allow_pickle=False)
        return buffer.getvalue()
    except (*PARSE_ERRORS, RuntimeError, MemoryError) as err:
        return f"{type(err).__name__}:{err}".encode(errors="replace")
