"""Pixels of one data set; a decoder that crashes takes a process of its own with it.

GDCM ends its process on some damaged JPEG frames. One such file must fail one slice, so what GDCM
decodes is decoded in a child process.
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
"""Begins an .npy file; any other answer is an error: its name, a colon, its message."""
_DECODERS = Children("ich_resources.dicom.decoder")


def decode(content: bytes, path: Path) -> npt.NDArray[np.generic]:
    """Return the stored values of one frame, shape (H, W).

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Where it came from, for errors.

    Raises
    ------
    RuntimeError
        If the decoder says no, or crashed.
    NotImplementedError
        If there is no decoder for it.
    Exception
        Whatever pydicom raises (see ``parsing.PARSE_ERRORS``).
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
    """Return the array of a file as .npy, or the name of an error and its message."""
    try:
        buffer = io.BytesIO()
        array: npt.NDArray[Any] = read_dataset(content, Path("a file")).pixel_array
        np.save(buffer, array, allow_pickle=False)
        return buffer.getvalue()
    except (*PARSE_ERRORS, RuntimeError, MemoryError) as err:
        return f"{type(err).__name__}:{err}".encode(errors="replace")
