"""Whose studies are: from a file, from PatientID as a keyed hash, or each study by itself.

No identifier of a patient is kept. The tables hold a hash with the secret key of the training
root.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ich_resources.dataset.text_table import read_table, require_ids
from ich_resources.digests import patient_key
from ich_resources.errors import DatasetError
from ich_resources.plain_text import one_line

_REMEDY = "give a CSV file with the columns StudyInstanceUID and patient"


@dataclass(frozen=True)
class Patients:
    """The patient of each study.

    Attributes
    ----------
    key_of : mapping of str to str
        Patient key by StudyInstanceUID.
    by_study : tuple of str
        The studies that have no known patient: each stands for a patient of its own.
    """

    key_of: Mapping[str, str]
    by_study: tuple[str, ...]


def read_groups(path: Path) -> dict[str, str]:
    """Read the patient of each study. The texts must not be written or shown.

    Parameters
    ----------
    path : Path
        CSV with the columns ``StudyInstanceUID`` and ``patient``.

    Raises
    ------
    DatasetError
        If it is not such a file, a cell is empty, or a study has two patients.
    """
    table = read_table(path, _REMEDY)
    if not {"StudyInstanceUID", "patient"}.issubset(table.columns):
        raise DatasetError("the columns are others", path=path, remedy=_REMEDY)
    studies = require_ids(table, "StudyInstanceUID", path)
    patients = require_ids(table, "patient", path)
    groups: dict[str, str] = {}
    for study, patient in zip(studies, patients, strict=True):
        if groups.setdefault(study, patient) != patient:
            text = f"study {one_line(study)} has two patients"
            raise DatasetError(text, path=path, remedy="remove the wrong row")
    return groups


def patients_from_file(studies: Sequence[str], groups: Mapping[str, str], key: bytes) -> Patients:
    """Return the patients as a file says.

    Parameters
    ----------
    studies : sequence of str
        StudyInstanceUIDs of the data set.
    groups : mapping of str to str
        From ``read_groups``.
    key : bytes
        The secret key of the training root.
    """
    unknown = tuple(sorted(set(studies) - groups.keys()))
    known = {study: patient_key(key, groups[study]) for study in studies if study in groups}
    return Patients(known | _alone(unknown, key), unknown)


def patients_from_headers(
    series: Sequence[tuple[str, str]], hashed: Mapping[str, str], key: bytes
) -> Patients:
    """Return the patients as the headers say.

    Parameters
    ----------
    series : sequence of (str, str)
        StudyInstanceUID and SeriesInstanceUID of each series of the data set.
    hashed : mapping of str to str
        Keyed hash of the PatientID by SeriesInstanceUID; empty where there is none.
    key : bytes
        The secret key of the training root.

    Raises
    ------
    DatasetError
        If the series of a study have different patients.
    """
    known: dict[str, str] = {}
    for study, name in series:
        patient = hashed.get(name, "")
        if patient and known.setdefault(study, patient) != patient:
            raise DatasetError(
                f"the series of study {one_line(study)} have different PatientIDs",
                remedy=f"{_REMEDY} (dataset.groups)",
            )
    unknown = tuple(sorted({study for study, _ in series} - known.keys()))
    return Patients(known | _alone(unknown, key), unknown)


def each_study(studies: Sequence[str], key: bytes) -> Patients:
    """Return patients of one study each: folds are then by study.

    Parameters
    ----------
    studies : sequence of str
        StudyInstanceUIDs of the data set.
    key : bytes
        The secret key of the training root.
    """
    unknown = tuple(sorted(set(studies)))
    return Patients(_alone(unknown, key), unknown)


def _alone(studies: Sequence[str], key: bytes) -> dict[str, str]:
    return {study: patient_key(key, f"study {study}") for study in studies}
