"""What one DICOM header says, as plain values; nothing that identifies the patient is read."""

import hashlib
import io
import math
import re
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import pydicom
import pydicom.config
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue

from ich_resources.errors import DicomError
from ich_resources.reasons import Reason

# Our own checks say more than pydicom's warnings, and say it in the ledger.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module=r"pydicom\b")

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
UID_LENGTH = 64
"""Longest UID, in characters (DICOM PS3.5, section 9.1)."""

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

T = TypeVar("T")


@dataclass(frozen=True)
class Header:
    """The header values that admission, order and windowing need.

    Attributes
    ----------
    position, orientation : tuple of float or None
        ImagePositionPatient (3, mm) and ImageOrientationPatient (6, cosines).
    slice_location : float or None
        SliceLocation in mm.
    window : tuple of float
        Center and width in HU; the first of several, 40 and 80 where absent.
    rescale : tuple of float
        Slope and intercept; 1 and 0 where absent.
    malformed : str
        The first thing that cannot be parsed, and why; empty where all can.
    """

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    modality: str
    image_type: tuple[str, ...]
    description: str
    rows: int | None
    columns: int | None
    frames: int
    samples: int
    has_pixels: bool
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    slice_location: float | None
    window: tuple[float, float]
    rescale: tuple[float, float]
    malformed: str = ""


def is_uid(text: str) -> bool:
    """Return whether a text is a UID: digits and dots, at most 64 characters.

    Notes
    -----
    DICOM PS3.5 section 9.1 also forbids leading zeros in a component; they occur in the wild and
    do no harm here, so they pass.
    """
    return len(text) <= UID_LENGTH and _UID.fullmatch(text) is not None


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


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
        If the bytes are no DICOM data set (code UNREADABLE).
    """
    has_magic = content[128:132] == b"DICM"
    try:
        dataset = pydicom.dcmread(io.BytesIO(content), force=not has_magic)
        if not dataset:  # pydicom drops the whole header where encapsulated pixels are cut short
            dataset = pydicom.dcmread(
                io.BytesIO(content), force=not has_magic, stop_before_pixels=True
            )
    except PARSE_ERRORS as err:
        raise _unreadable(path, str(err)) from err
    if "SOPClassUID" not in dataset and "MediaStorageSOPClassUID" not in dataset.file_meta:
        raise _unreadable(path, "it has no SOPClassUID")
    return dataset


def read_header(content: bytes, path: Path) -> Header:
    """Read the header values of one file.

    Raises
    ------
    DicomError
        If the file is no DICOM data set (code UNREADABLE).
    """
    dataset = read_dataset(content, path)
    cut = _cut_element(dataset) or _cut_element(dataset.file_meta)
    malformed = [f"the file is truncated inside {cut}"] if cut else []

    def value(
        keyword: str, convert: Callable[[Any], T], default: T, source: Dataset = dataset
    ) -> T:
        # The values are parsed only here, so a malformed one shows here and not at dcmread.
        try:
            raw = source.get(keyword)
            if raw is None or raw == "" or (isinstance(raw, MultiValue) and not raw):
                return default
            return convert(raw)
        except PARSE_ERRORS as err:
            malformed.append(f"{keyword} cannot be read: {err}")
            return default

    header = Header(
        sop_class_uid=value("SOPClassUID", str, "")
        or value("MediaStorageSOPClassUID", str, "", dataset.file_meta),
        sop_instance_uid=value("SOPInstanceUID", str, ""),
        series_instance_uid=value("SeriesInstanceUID", str, ""),
        study_instance_uid=value("StudyInstanceUID", str, ""),
        modality=value("Modality", str, "").upper(),
        image_type=value("ImageType", _texts, ()),
        description=value("SeriesDescription", str, ""),
        rows=value("Rows", int, None),
        columns=value("Columns", int, None),
        frames=value("NumberOfFrames", int, 1),
        samples=value("SamplesPerPixel", int, 1),
        has_pixels=value("PixelData", bool, False),
        position=value("ImagePositionPatient", _vector(3), None),
        orientation=value("ImageOrientationPatient", _vector(6), None),
        slice_location=value("SliceLocation", _first, None),
        window=(value("WindowCenter", _first, 40.0), value("WindowWidth", _first, 80.0)),
        rescale=(value("RescaleSlope", _first, 1.0), value("RescaleIntercept", _first, 0.0)),
    )
    return replace(header, malformed=malformed[0] if malformed else "")


def _cut_element(dataset: Dataset) -> str:
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


def _texts(raw: Any) -> tuple[str, ...]:
    items = raw if isinstance(raw, MultiValue) else [raw]
    return tuple(str(item).strip().upper() for item in items)


def _first(raw: Any) -> float:
    number = float(raw[0] if isinstance(raw, MultiValue) else raw)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not finite")
    return number


def _vector(length: int) -> Callable[[Any], tuple[float, ...]]:
    def convert(raw: Any) -> tuple[float, ...]:
        numbers = tuple(float(item) for item in raw)
        if len(numbers) != length or not all(map(math.isfinite, numbers)):
            raise ValueError(f"{length} finite numbers expected, found {list(raw)}")
        return numbers

    return convert


def _unreadable(path: Path, why: str) -> DicomError:
    return DicomError(f"not a readable DICOM file: {why}", path=path, code=Reason.UNREADABLE)
