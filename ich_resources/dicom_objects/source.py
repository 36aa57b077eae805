"""The slices that objects refer to: identifiers, geometry, and what must be there."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from ich_resources.uids import is_dicom_uid

Texts = Mapping[str, Sequence[str]]
"""Values of the header of a file by keyword, as ``dicom.source_headers`` gives them."""

_DATE = re.compile(r"[0-9]{8}")
_TIME = re.compile(r"[0-9]{2}([0-9]{2}([0-9]{2}(\.[0-9]{1,6})?)?)?")
_FORMS = {
    "PatientBirthDate": _DATE,
    "StudyDate": _DATE,
    "StudyTime": _TIME,
    "PatientSex": re.compile("[MFO]"),
    "PatientAge": re.compile("[0-9]{3}[DWMY]"),
    "TimezoneOffsetFromUTC": re.compile("[+-][0-9]{4}"),
}
"""Elements that are copied only where they have this form."""
_MOMENTS = ("Acquisition", "Content", "Series", "Study")
"""Whose date and time the objects take: the first pair that the source has."""
_IDENTIFIERS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")


@dataclass(frozen=True)
class Plane:
    """Where a slice lies in the patient (DICOM PS3.3 C.7.6.2.1.1).

    Attributes
    ----------
    position : tuple of 3 float
        Centre of the first pixel, in mm.
    orientation : tuple of 6 float
        Direction cosines of rows and columns.
    spacing : tuple of 2 float
        Distance of rows, and of columns, in mm.
    thickness : float or None
        SliceThickness in mm.
    """

    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    thickness: float | None


def value(header: Texts, keyword: str) -> str:
    """Return the first value of an element; empty where it is absent or has not its form."""
    text = next(iter(header.get(keyword, ())), "")
    form = _FORMS.get(keyword)
    return text if form is None or form.fullmatch(text) else ""


def why_no_objects(headers: Sequence[Texts]) -> str:
    """Return why a series gets no objects, in one sentence; empty if it can get them.

    Parameters
    ----------
    headers : sequence of mapping
        One per scored slice.
    """
    for keyword in _IDENTIFIERS:
        found = [value(header, keyword) for header in headers]
        if not all(map(is_dicom_uid, found)):
            what = "do not have" if not any(found) else "have an identifier that is not a UID as"
            return f"its files {what} {keyword}, and DICOM objects need it"
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID", "SOPClassUID"):
        if len({value(header, keyword) for header in headers}) > 1:
            return f"its files do not agree in {keyword}, and DICOM objects belong to one"
    return ""


def planes(headers: Sequence[Texts]) -> list[Plane] | None:
    """Return the plane of each slice; None where a slice has none, or no frame of reference.

    Parameters
    ----------
    headers : sequence of mapping
        One per scored slice.
    """
    frames = {value(header, "FrameOfReferenceUID") for header in headers}
    found = [_plane(header) for header in headers]
    known = [plane for plane in found if plane is not None]
    if len(frames) > 1 or not all(map(is_dicom_uid, frames)) or len(known) < len(headers):
        return None
    return known


def _plane(header: Texts) -> Plane | None:
    position = _numbers(header, "ImagePositionPatient", 3)
    orientation = _numbers(header, "ImageOrientationPatient", 6)
    spacing = _numbers(header, "PixelSpacing", 2)
    thickness = _numbers(header, "SliceThickness", 1)
    if not position or not orientation or not spacing or min(spacing) <= 0:
        return None
    return Plane(position, orientation, spacing, thickness[0] if thickness else None)


def _numbers(header: Texts, keyword: str, count: int) -> tuple[float, ...]:
    try:
        numbers = tuple(map(float, header.get(keyword, ())))
    except ValueError:
        return ()
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else ()


def moment(headers: Sequence[Texts]) -> tuple[str, str] | None:
    """Return date and time (DA, TM) of the first slice; None where its files name none.

    Parameters
    ----------
    headers : sequence of mapping
        One per scored slice.
    """
    first = headers[0]
    for whose in _MOMENTS:
        date, time = value(first, f"{whose}Date"), value(first, f"{whose}Time")
        if _DATE.fullmatch(date) and _TIME.fullmatch(time):
            return date, time
    return None


def reference(header: Texts, plane: Plane | None) -> Dataset:
    """Return a source slice as highdicom asks for it, without anything of the patient.

    highdicom quotes values that it does not like. It cannot quote what it does not get.

    Parameters
    ----------
    header : mapping
        Of the slice.
    plane : Plane or None
        Where it lies.
    """
    source = Dataset()
    for keyword in _IDENTIFIERS:
        setattr(source, keyword, value(header, keyword))
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"):
        setattr(source, keyword, "")
    for keyword in ("AccessionNumber", "StudyID", "StudyDate", "StudyTime"):
        setattr(source, keyword, "")
    source.ReferringPhysicianName = ""
    source.Modality, source.SpecificCharacterSet = "CT", "ISO_IR 192"
    source.Rows, source.Columns = int(value(header, "Rows")), int(value(header, "Columns"))
    if plane is not None:
        source.FrameOfReferenceUID = value(header, "FrameOfReferenceUID")
        source.PositionReferenceIndicator = value(header, "PositionReferenceIndicator")
        source.ImagePositionPatient = list(plane.position)
        source.ImageOrientationPatient = list(plane.orientation)
        source.PixelSpacing = list(plane.spacing)
        source.SliceThickness = plane.thickness
    return source
