"""What the header of a scored file says of patient, study and geometry, for DICOM objects alone.

Scoring never asks. The values go into the objects below ``output/dicom`` and into the key file that
was asked for, and nowhere else: no error quotes one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ich_resources.children import asking_threads
from ich_resources.dicom.bounded import READERS, texts_in_child
from ich_resources.dicom.elements import value_of
from ich_resources.dicom.parsing import PARSE_ERRORS, read_dataset
from ich_resources.dicom.reading import read_as_judged
from ich_resources.dicom.walk import OddError, is_plain
from ich_resources.series import SeriesRecord

Texts = dict[str, list[str]]
"""The values of each element by its keyword. An element that is absent, empty or broken is not in
it."""

KEYWORDS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("PatientAge", "PatientIdentityRemoved", "DeidentificationMethod"),
    *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID"),
    *("StudyDescription", "SeriesNumber", "BodyPartExamined", "PatientPosition"),
    *("SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime", "ContentDate"),
    *("ContentTime", "TimezoneOffsetFromUTC", "InstanceNumber", "FrameOfReferenceUID"),
    *("PositionReferenceIndicator", "ImagePositionPatient", "ImageOrientationPatient"),
    *("PixelSpacing", "SliceThickness", "Rows", "Columns"),
)
"""The elements that are read: those that the objects copy or need, and no other."""


def source_headers(
    series: SeriesRecord, sop_instance_uids: Sequence[str], *, threads: int = 4
) -> list[Texts]:
    """Read some slices of a series again, and return what their headers say.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger.
    sop_instance_uids : sequence of str
        Admitted slices of it.
    threads : int
        Number of files to read at the same time.

    Returns
    -------
    list of dict
        In the order of ``sop_instance_uids``.

    Raises
    ------
    DicomError
        If a file is gone (code UNREADABLE) or has changed (CHANGED) since the scan, or cannot be
        parsed within the limits.
    """
    records = {s.sop_instance_uid: s for s in series.slices if s.judgement is None}
    folder = Path(series.input_dir)
    with asking_threads(READERS, threads) as pool:
        return list(
            pool.map(lambda uid: _texts(*read_as_judged(records[uid], folder)), sop_instance_uids)
        )


def _texts(path: Path, content: bytes) -> Texts:
    try:
        plain = is_plain(content)
    except OddError:
        plain = False
    return texts_here(content, path, plain=True) if plain else texts_in_child(content, path)


def texts_here(content: bytes, path: Path, *, plain: bool = False) -> Texts:
    """Return what the header of a file says, in this process.

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Path of the file, for error texts.
    plain : bool
        Whether ``walk.is_plain`` has found it plain.

    Raises
    ------
    DicomError
        If the bytes cannot be parsed.
    """
    dataset = read_dataset(content, path, plain=plain)
    found = {keyword: _values(dataset, keyword) for keyword in KEYWORDS}
    return {keyword: values for keyword, values in found.items() if any(values)}


def _values(dataset: Dataset, keyword: str) -> list[str]:
    try:
        value: Any = value_of(dataset, keyword)
        several = isinstance(value, MultiValue)
        return [_text(item) for item in value] if several else [_text(value)]
    except PARSE_ERRORS:
        return []


def _text(value: Any) -> str:
    text = "" if value is None else str(value).strip(" \0")
    return text.encode(errors="replace").decode()
