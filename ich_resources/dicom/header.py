"""The values of one DICOM header that are used here. Names and IDs of patients are never read."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ich_resources.dicom.parsing import PARSE_ERRORS, read_dataset, remove_cut_element

T = TypeVar("T")


@dataclass(frozen=True)
class Header:
    """The header values that admission, order and window need.

    Attributes
    ----------
    sop_class_uid : str
        SOPClassUID, or MediaStorageSOPClassUID of the file meta information.
    sop_instance_uid, series_instance_uid, study_instance_uid : str
        SOPInstanceUID, SeriesInstanceUID and StudyInstanceUID.
    modality : str
        Modality, in upper case.
    image_type : tuple of str
        The values of ImageType, in upper case (DICOM PS3.3 C.7.6.1.1.2).
    description : str
        SeriesDescription.
    rows, columns : int or None
        Rows and Columns.
    frames, samples : int
        NumberOfFrames and SamplesPerPixel; 1 where absent.
    has_pixels : bool
        Whether the file has PixelData.
    position, orientation : tuple of float or None
        ImagePositionPatient (3 values, mm) and ImageOrientationPatient (6 direction cosines;
        DICOM PS3.3 C.7.6.2.1.1).
    slice_location : float or None
        SliceLocation, in mm.
    window : tuple of float
        WindowCenter and WindowWidth, in HU: the first pair; 40 and 80 where absent
        (DICOM PS3.3 C.11.2.1.2; docs/reference.md, section 1).
    rescale : tuple of float
        RescaleSlope and RescaleIntercept; 1 and 0 where absent (DICOM PS3.3 C.11.1.1.2).
    pixel_spacing : tuple of float or None
        PixelSpacing: distance of rows and of columns, in mm.
    thickness : float or None
        SliceThickness, in mm.
    kernel, body_part : str
        ConvolutionKernel and BodyPartExamined, in upper case; empty where absent.
    contrast : bool
        Whether ContrastBolusAgent has a value.
    malformed : str
        The first attribute that cannot be read, and the reason; empty if there is none.
    has_rescale : bool or None
        Whether the file has both values of the rescale; None if an earlier version read the file.
    photometric : str
        PhotometricInterpretation, in upper case; empty where absent.
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
    pixel_spacing: tuple[float, ...] | None = None
    thickness: float | None = None
    kernel: str = ""
    body_part: str = ""
    contrast: bool = False
    malformed: str = ""
    has_rescale: bool | None = None
    photometric: str = ""


def read_header(content: bytes, path: Path, *, plain: bool = False) -> Header:
    """Read the header values of one file.

    An attribute that cannot be read gets its default, and ``malformed`` names the first one.
    Description, spacing, thickness, kernel, body part and contrast are not named there: no slice
    fails for them.

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
    header = Header(
        sop_class_uid=value("SOPClassUID", str, "")
        or _reader(dataset.file_meta, malformed)("MediaStorageSOPClassUID", str, ""),
        sop_instance_uid=value("SOPInstanceUID", str, ""),
        series_instance_uid=value("SeriesInstanceUID", str, ""),
        study_instance_uid=value("StudyInstanceUID", str, ""),
        modality=value("Modality", str, "").strip().upper(),
        image_type=value("ImageType", _texts, ()),
        description=optional("SeriesDescription", str, ""),
        rows=value("Rows", int, None),
        columns=value("Columns", int, None),
        frames=value("NumberOfFrames", int, 1),
        samples=value("SamplesPerPixel", int, 1),
        has_pixels=value("PixelData", bool, False),
        position=value("ImagePositionPatient", _vector(3), None),
        orientation=value("ImageOrientationPatient", _vector(6), None),
        slice_location=value("SliceLocation", _first, None),
        window=(value("WindowCenter", _first, 40.0), value("WindowWidth", _first, 80.0)),
        rescale=(1.0 if slope is None else slope, intercept or 0.0),
        pixel_spacing=optional("PixelSpacing", _vector(2), None),
        thickness=optional("SliceThickness", _first, None),
        kernel=optional("ConvolutionKernel", _first_text, ""),
        body_part=optional("BodyPartExamined", _first_text, ""),
        contrast=optional("ContrastBolusAgent", bool, False),
        has_rescale=slope is not None and intercept is not None,
        photometric=optional("PhotometricInterpretation", _first_text, ""),
    )
    return replace(header, malformed=malformed[0] if malformed else "")


def header_from_json(value: dict[str, Any]) -> Header:
    """Build a header from JSON values. Values of another version that are not known are left out.

    Parameters
    ----------
    value : dict
        The fields of a header.

    Raises
    ------
    TypeError
        If a value is missing.
    """
    known = {field.name for field in fields(Header)}
    plain: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in value.items() if k in known
    }
    return Header(**plain)


class _Reader(Protocol):
    def __call__(self, keyword: str, convert: Callable[[Any], T], default: T) -> T: ...


def _reader(dataset: Dataset, malformed: list[str]) -> _Reader:
    """Return a function that reads one value, or adds to ``malformed`` and gives the default."""

    def value(keyword: str, convert: Callable[[Any], T], default: T) -> T:
        # pydicom parses a value when it is read here, not in dcmread: errors appear here.
        try:
            raw = dataset.get(keyword)
            if raw is None or raw == "" or (isinstance(raw, MultiValue) and not raw):
                return default
            return convert(raw)
        except PARSE_ERRORS as err:
            malformed.append(f"{keyword} cannot be read: {err}")
            return default

    return value


def _texts(raw: Any) -> tuple[str, ...]:
    items = raw if isinstance(raw, MultiValue) else [raw]
    return tuple(str(item).strip().upper() for item in items)


def _first_text(raw: Any) -> str:
    return _texts(raw)[0]


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
