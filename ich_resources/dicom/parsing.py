"""Parse the bytes of a DICOM file, and find where a truncated file ends."""

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

from ich_resources.dicom.quoting import fault
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason

# No warnings of pydicom: our own checks are stricter, and the ledger shows their results.
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
"""Exceptions of pydicom and its decoders for bytes that are not valid."""


def read_dataset(content: bytes, path: Path) -> Dataset:
    """Parse the bytes of a DICOM file.

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Path of the file, for error texts.

    Raises
    ------
    DicomError
        If the bytes are not a DICOM data set (code UNREADABLE).
    """
    has_magic = content[128:132] == b"DICM"
    try:
        dataset = pydicom.dcmread(io.BytesIO(content), force=not has_magic)
        if not dataset:  # pydicom returns nothing if compressed pixels are truncated
            dataset = pydicom.dcmread(
                io.BytesIO(content), force=not has_magic, stop_before_pixels=True
            )
    except PARSE_ERRORS as err:
        _raise_unreadable(path, fault(err), err)
    has_class = "SOPClassUID" in dataset or "MediaStorageSOPClassUID" in dataset.file_meta
    # Files of research data name no class; bytes of no data set have no series either.
    if not has_class and not ("Modality" in dataset and "SeriesInstanceUID" in dataset):
        _raise_unreadable(path, "it has neither SOPClassUID nor Modality and SeriesInstanceUID")
    return dataset


def remove_cut_element(dataset: Dataset) -> str:
    """Remove the last element of a truncated file if it is incomplete.

    A part of a UID is a valid UID, but a wrong one.

    Parameters
    ----------
    dataset : Dataset
        The data set. It is changed in place.

    Returns
    -------
    str
        Keyword of the removed element, or its tag; empty if every element is complete.
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
