"""Whose an object is, when its source was made, and its bytes: the last hand on every object."""

import io
import struct
from collections.abc import Sequence
from typing import Any

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian

from ich_resources.dicom_objects.scored import MANUFACTURER, MODEL
from ich_resources.dicom_objects.source import Texts, moment, value
from ich_resources.errors import DicomError

_TYPE_2 = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("AccessionNumber", "ReferringPhysicianName", "StudyID"),
)
"""Elements that every object has, empty where the source has none."""
_COPIED = ("IssuerOfPatientID", "PatientAge", "StudyDescription", "TimezoneOffsetFromUTC")
_NOW = ("InstanceCreationDate", "InstanceCreationTime")
"""Elements that highdicom sets to the moment of writing."""
_WRITE_ERRORS = (AttributeError, LookupError, OverflowError, TypeError, ValueError, struct.error)


def finished(
    dataset: Dataset, headers: Sequence[Texts], version: str, syntax: str = ExplicitVRLittleEndian
) -> bytes:
    """Return an object as the bytes of a file, with patient, study, dates and device.

    Parameters
    ----------
    dataset : Dataset
        The object. It is changed in place.
    headers : sequence of mapping
        The source, one per slice. De-identified sources stay so: empty elements stay empty.
    version : str
        Version of ich.
    syntax : str
        TransferSyntaxUID.

    Returns
    -------
    bytes
        DICOM PS3.10. The same arguments give the same bytes.

    Raises
    ------
    DicomError
        If a value of the source cannot be written. The error does not quote it.
    """
    try:
        _complete(dataset, headers, version)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
        buffer = io.BytesIO()
        dcmwrite(buffer, dataset, enforce_file_format=True)
    except _WRITE_ERRORS as err:
        text = f"a DICOM object cannot be written: a value does not fit ({type(err).__name__})"
        remedy = "correct the header of the source files, or set results.dicom: off"
        raise DicomError(text, remedy=remedy) from None
    return buffer.getvalue()


def _complete(dataset: Dataset, headers: Sequence[Texts], version: str) -> None:
    first = headers[0]
    for keyword in _NOW:
        dataset.pop(keyword, None)
    for equipment in dataset.get("ContributingEquipmentSequence", ()):
        equipment.pop("ContributionDateTime", None)
    for keyword in _TYPE_2:
        _set(dataset, keyword, _values(first, keyword))
    for keyword in _COPIED:
        if value(first, keyword):
            _set(dataset, keyword, _values(first, keyword))
    # An empty method beside the flag is an error of dciodvfy, and so is the flag alone.
    method = value(first, "DeidentificationMethod")
    if method and value(first, "PatientIdentityRemoved") == "YES":
        dataset.PatientIdentityRemoved = "YES"
        _set(dataset, "DeidentificationMethod", _values(first, "DeidentificationMethod"))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.Manufacturer, dataset.ManufacturerModelName = MANUFACTURER, MODEL
    dataset.SoftwareVersions, dataset.DeviceSerialNumber = version, "none"
    made = moment(headers)
    if made is not None:
        dataset.SeriesDate, dataset.SeriesTime = made
        dataset.ContentDate, dataset.ContentTime = made


def _values(header: Texts, keyword: str) -> Any:
    found = list(header.get(keyword, ())) if value(header, keyword) else []
    return found[0] if len(found) == 1 else found or ""


def _set(dataset: Dataset, keyword: str, values: Any) -> None:
    """Set an element without a judgement: pydicom's warnings quote the value."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    dataset[tag] = DataElement(tag, dictionary_VR(tag), values, validation_mode=IGNORE)
