"""Read the values of one DICOM header. Names and IDs of patients are never read."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ich_resources.dicom.elements import leading_numbers, value_of
from ich_resources.dicom.header import Header
from ich_resources.dicom.parsing import PARSE_ERRORS, read_dataset, remove_cut_element
from ich_resources.dicom.quoting import (
    UnfitError,
    fault,
    shown_code,
    shown_modality,
    shown_text,
    shown_uid,
)
from ich_resources.dicom.windows import DEFAULT_WINDOW

T = TypeVar("T")

_NO_AGENT = re.compile(
    r"NO|NON|NONE|NIL|N/?A|0|-+|NONE .*|NO .*|NON[ -]?CON.*|WITHOUT.*|W/O.*|OHNE.*|NATIV\w*"
)
"""Values of ContrastBolusAgent that say that there is none."""


def read_header(content: bytes, path: Path, *, plain: bool = False) -> Header:
    """Read the header values of one file.

    An attribute that cannot be read gets its default, and ``malformed`` names the first one.
    Description, spacing, thickness, kernel, body part, contrast and padding are not named there: no
    slice fails for them. A comma in a number is a decimal point.

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
        If the file is not a DICOM data set (code UNREADABLE).
    """
    return header_of(read_dataset(content, path, plain=plain))


def header_of(dataset: Dataset) -> Header:
    """Read the header values of a data set; see ``read_header``.

    Parameters
    ----------
    dataset : Dataset
        The data set. An element that the end of the file cuts is removed from it.
    """
    cut = remove_cut_element(dataset) or remove_cut_element(dataset.file_meta)
    malformed = [f"the file is truncated inside {cut}"] if cut else []
    value, optional = _reader(dataset, malformed), _reader(dataset, [])
    slope = value("RescaleSlope", _first, None)
    intercept = value("RescaleIntercept", _first, None)
    no_number: tuple[float, ...] = ()
    centers = value("WindowCenter", leading_numbers, no_number)
    # A center without a width is not a window.
    windows = tuple(zip(centers, value("WindowWidth", leading_numbers, no_number), strict=False))
    header = Header(
        sop_class_uid=shown_uid(
            value("SOPClassUID", str, "")
            or _reader(dataset.file_meta, malformed)("MediaStorageSOPClassUID", str, "")
        ),
        sop_instance_uid=value("SOPInstanceUID", str, ""),
        series_instance_uid=value("SeriesInstanceUID", str, ""),
        study_instance_uid=value("StudyInstanceUID", str, ""),
        modality=shown_modality(value("Modality", str, "").strip().upper()),
        image_type=value("ImageType", _texts, ()),
        description=shown_text(optional("SeriesDescription", str, "")),
        rows=value("Rows", int, None),
        columns=value("Columns", int, None),
        frames=value("NumberOfFrames", int, 1),
        samples=value("SamplesPerPixel", int, 1),
        has_pixels=value("PixelData", bool, False),
        position=value("ImagePositionPatient", _vector(3), None),
        orientation=value("ImageOrientationPatient", _vector(6), None),
        slice_location=value("SliceLocation", _first, None),
        window=windows[0] if windows else DEFAULT_WINDOW,
        rescale=(1.0 if slope is None else slope, intercept or 0.0),
        pixel_spacing=optional("PixelSpacing", _vector(2), None),
        thickness=optional("SliceThickness", _first, None),
        kernel=optional("ConvolutionKernel", _first_text, ""),
        body_part=optional("BodyPartExamined", _first_text, ""),
        contrast=_has_contrast(optional),
        has_rescale=slope is not None and intercept is not None,
        frame_of_reference=optional("FrameOfReferenceUID", str, ""),
        acquisition=optional("AcquisitionNumber", int, None),
        instance_number=optional("InstanceNumber", int, None),
        patient_position=optional("PatientPosition", _first_text, ""),
        study_description=shown_text(optional("StudyDescription", str, "")),
        protocol=shown_text(optional("ProtocolName", str, "")),
        manufacturer=shown_text(optional("Manufacturer", str, "")),
        model=shown_text(optional("ManufacturerModelName", str, "")),
        windows=windows,
        pixel_representation=value("PixelRepresentation", int, None),
        bits_allocated=value("BitsAllocated", int, None),
        bits_stored=value("BitsStored", int, None),
        high_bit=value("HighBit", int, None),
        photometric=value("PhotometricInterpretation", _first_text, ""),
        rescale_type=value("RescaleType", _first_text, ""),
        modality_lut=value("ModalityLUTSequence", bool, False),
        padding=optional("PixelPaddingValue", int, None),
        padding_limit=optional("PixelPaddingRangeLimit", int, None),
        sender=shown_text(_reader(dataset.file_meta, [])("SourceApplicationEntityTitle", str, "")),
    )
    return replace(header, malformed=malformed[0] if malformed else "")


class _Reader(Protocol):
    def __call__(self, keyword: str, convert: Callable[[Any], T], default: T) -> T: ...


def _reader(dataset: Dataset, malformed: list[str]) -> _Reader:
    """Return a function that reads one value, or adds to ``malformed`` and gives the default."""

    def value(keyword: str, convert: Callable[[Any], T], default: T) -> T:
        # pydicom parses a value when it is read here, not in dcmread: errors appear here.
        try:
            raw = value_of(dataset, keyword)
            if raw is None or raw == "" or (isinstance(raw, MultiValue) and not raw):
                return default
            return convert(raw)
        except PARSE_ERRORS as err:
            malformed.append(f"{keyword} cannot be read: {fault(err)}")
            return default

    return value


def _has_contrast(optional: _Reader) -> bool:
    """Return whether the header names a contrast agent (DICOM PS3.3 C.7.6.4)."""
    agent = optional("ContrastBolusAgent", _first_text, "")
    if agent and not _NO_AGENT.fullmatch(agent):
        return True
    if optional("ContrastBolusVolume", _first, 0.0) > 0:
        return True
    return optional("ContrastBolusAgentSequence", len, 0) > 0


def _texts(raw: Any) -> tuple[str, ...]:
    items = raw if isinstance(raw, MultiValue) else [raw]
    return tuple(shown_code(str(item).strip().upper()) for item in items)


def _first_text(raw: Any) -> str:
    return _texts(raw)[0]


def _first(raw: Any) -> float:
    number = float(raw[0] if isinstance(raw, MultiValue) else raw)
    if not math.isfinite(number):
        raise UnfitError("the number is not finite")
    return number


def _vector(length: int) -> Callable[[Any], tuple[float, ...]]:
    def convert(raw: Any) -> tuple[float, ...]:
        numbers = tuple(float(item) for item in raw)
        if len(numbers) != length or not all(map(math.isfinite, numbers)):
            raise UnfitError(f"{length} finite numbers expected, found {len(numbers)} numbers")
        return numbers

    return convert
