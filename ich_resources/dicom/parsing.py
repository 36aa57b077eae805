"""The bytes of a file to a data set: what is cut short is found, not half read."""

import io
import struct
import warnings
import zlib
from operator import itemgetter
from pathlib import Path
from typing import NoReturn

import pydicom
import pydicom.config
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from ich_resources.errors import DicomError
from ich_resources.reasons import Reason

# Our own checks say more than pydicom's warnings, and say it in the ledger.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module=r"pydicom\b")

PARSE_ERRORS = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pydicom and the decoders raise for bytes that are not what they claim to be."""


def read_dataset(content: bytes, path: Path) -> Dataset:
    """Parse the bytes of a DICOM file.

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Where it came from, for the error.

    Raises
    ------
    DicomError
        If the bytes are not a DICOM data set (code UNREADABLE).
    """
    has_magic = content[128:132] == b"DICM"
    try:
        dataset = pydicom.dcmread(io.BytesIO(content), force=not has_magic)
        if not dataset:  # pydicom drops the whole header where encapsulated pixels are cut short
            dataset = pydicom.dcmread(
                io.BytesIO(content), force=not has_magic, stop_before_pixels=True
            )
    except PARSE_ERRORS as err:
        _raise_unreadable(path, str(err), err)
    if "SOPClassUID" not in dataset and "MediaStorageSOPClassUID" not in dataset.file_meta:
        _raise_unreadable(path, "it has no SOPClassUID")
    return dataset


def remove_cut_element(dataset: Dataset) -> str:
    """Remove the element that the end of a truncated file cuts short; return its name or ''.

    Half a UID is a UID too, only a wrong one.
    """
    if not dataset:
        return ""
    tag, raw = max(dataset.items(), key=itemgetter(0))
    if not isinstance(raw, RawDataElement) or raw.value is None:
        return ""
    if raw.length == 0xFFFFFFFF or len(raw.value) >= raw.length:
        return ""
    del dataset[tag]
    return keyword_for_tag(tag) or str(tag)


def _raise_unreadable(path: Path, why: str, cause: Exception | None = None) -> NoReturn:
    text = f"not a readable DICOM file: {why}"
    raise DicomError(text, path=path, code=Reason.UNREADABLE) from cause
