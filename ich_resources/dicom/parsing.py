"""Parse the bytes of a DICOM file, and find where a truncated file ends."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import NoReturn

import pydicom.config
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset as read_elements
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag
from pydicom.uid import UID, ExplicitVRBigEndian

from ich_resources.dicom.limits import LARGEST_DATASET, NESTING
from ich_resources.dicom.magic import HEAD, dicom_start
from ich_resources.dicom.quoting import fault
from ich_resources.dicom.walk import (
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    DeepError,
    OddError,
    read_meta,
    walk,
)
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

_PIXEL_DATA = 0x7FE00010


def read_dataset(content: bytes, path: Path, *, plain: bool = False) -> Dataset:
    """Parse the bytes of a DICOM file, up to the end of its pixels.

    Preamble, file meta information and TransferSyntaxUID may be missing: the encoding is then found
    from the data set, and the data set has it as TransferSyntaxUID (DICOM PS3.5, section 10.1).
    A file that ``walk.is_plain`` does not know as plain belongs into a child process.

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Path of the file, for error texts.
    plain : bool
        Whether ``walk.is_plain`` has found it plain, so that it need not be checked again.

    Raises
    ------
    DicomError
        If the bytes are not a DICOM data set (code UNREADABLE), or inflate or nest beyond the
        limits (OVER_LIMIT).
    """
    try:
        dataset = _parse_plain(content) if plain else _parse(content)
    except (DeepError, RecursionError) as err:
        text = f"its sequences are nested more than {NESTING} deep"
        raise DicomError(text, path=path, code=Reason.OVER_LIMIT) from err
    except _TooLargeError as err:
        raise DicomError(str(err), path=path, code=Reason.OVER_LIMIT) from err
    except PARSE_ERRORS as err:
        _raise_unreadable(path, fault(err), err)
    has_class = "SOPClassUID" in dataset or "MediaStorageSOPClassUID" in dataset.file_meta
    # Files of research data name no class; bytes of no data set have no series either.
    if not has_class and not ("Modality" in dataset and "SeriesInstanceUID" in dataset):
        _raise_unreadable(path, "it has neither SOPClassUID nor Modality and SeriesInstanceUID")
    return dataset


class _TooLargeError(ValueError):
    pass


def _parse_plain(content: bytes) -> Dataset:
    return _with_syntax(read_partial(io.BytesIO(content)))


def _parse(content: bytes) -> Dataset:
    start = dicom_start(content[:HEAD])
    if start is None:
        return _with_syntax(read_partial(io.BytesIO(content), _after_pixels(), force=True))
    if content[128:132] != b"DICM":
        meta_follows = content[start : start + 2] == b"\2\0"
        content = (bytes(128) + b"DICM" if meta_follows else b"") + content[start:]
        start = 132 if meta_follows else 0
    try:
        meta = read_meta(content, start)
    except (OddError, struct.error):
        meta = None
    if meta is not None and meta.syntax == DEFLATED:
        return _parse_deflated(content, meta.end)
    if meta is not None:
        _check_nesting(content, meta.end, implicit=meta.syntax == IMPLICIT)
    dataset = read_partial(io.BytesIO(content), _after_pixels(), force=True)
    if not dataset:  # pydicom returns nothing if compressed pixels are truncated
        dataset = read_partial(io.BytesIO(content), _at_pixels, force=True)
    return _with_syntax(dataset)


def _parse_deflated(content: bytes, start: int) -> Dataset:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(memoryview(content)[start:], LARGEST_DATASET)
    if not inflater.eof:
        if inflater.unconsumed_tail:
            raise _TooLargeError(f"it inflates to more than {LARGEST_DATASET >> 20} MB")
        raise EOFError("the deflated data set ends early")
    file_meta = read_partial(io.BytesIO(content[:start]), force=True).file_meta
    _check_nesting(inflated, 0, implicit=False)
    elements = read_elements(io.BytesIO(inflated), False, True, stop_when=_after_pixels())
    elements.file_meta = file_meta
    elements.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    return elements


def _check_nesting(content: bytes, start: int, *, implicit: bool) -> None:
    """Check the nesting, as far as the bytes are whole.

    Raises
    ------
    DeepError
        If the sequences are nested too deep.
    """
    try:
        walk(content, start, implicit=implicit)
    except DeepError:
        raise
    except (OddError, struct.error):
        return  # damaged, or in big endian: the parser says more


def _with_syntax(dataset: Dataset) -> Dataset:
    """Give a data set the transfer syntax that its elements have been read with, if it has none."""
    meta: FileMetaDataset = dataset.file_meta
    syntax = str(meta.get("TransferSyntaxUID") or "").strip(" \0")
    if not syntax and not dataset:
        return dataset  # cut inside the file meta information: it must stay as it is
    if not syntax:
        implicit, little = dataset.original_encoding
        syntax = IMPLICIT if implicit else EXPLICIT if little else str(ExplicitVRBigEndian)
    meta.TransferSyntaxUID = UID(syntax)
    return dataset


def _after_pixels() -> Callable[[BaseTag, str | None, int], bool]:
    """Return when to stop: at whatever follows PixelData. Some writers leave rubbish there."""
    passed = False

    def stop(tag: BaseTag, vr: str | None, length: int) -> bool:
        nonlocal passed
        was, passed = passed, passed or tag == _PIXEL_DATA
        return was

    return stop


def _at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag == _PIXEL_DATA


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
