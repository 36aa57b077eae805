"""Labels of two public data sets of head CT: CQ500, and PhysioNet CT-ICH."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ich_resources.dataset.readers import agreement, majority
from ich_resources.dataset.text_table import label_values, raise_row, read_table, require_ids
from ich_resources.errors import DatasetError
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import Labels
from ich_resources.plain_text import one_line

_CQ500 = {
    "any": "ICH",
    "epidural": "EDH",
    "intraparenchymal": "IPH",
    "intraventricular": "IVH",
    "subarachnoid": "SAH",
    "subdural": "SDH",
}
_CQ500_READERS = ("R1", "R2", "R3")
_PHYSIONET = {
    "any": "No_Hemorrhage",
    "epidural": "Epidural",
    "intraparenchymal": "Intraparenchymal",
    "intraventricular": "Intraventricular",
    "subarachnoid": "Subarachnoid",
    "subdural": "Subdural",
}
_PHYSIONET_KEYS = ("PatientNumber", "SliceNumber")


def is_cq500(columns: Sequence[str]) -> bool:
    """Return whether a header is that of CQ500's ``reads.csv``."""
    wanted = {f"{reader}:{name}" for reader in _CQ500_READERS for name in _CQ500.values()}
    return wanted.union({"name"}).issubset(columns)


def read_cq500(table: pd.DataFrame, path: Path, studies: Path | None) -> Labels:
    """Return the majority of CQ500's three readers, by study.

    Parameters
    ----------
    table : DataFrame
        ``reads.csv``, from ``text_table.read_table``.
    path : Path
        The file, for errors.
    studies : Path or None
        CSV with the columns ``name`` and ``StudyInstanceUID``. None where the file has a column
        ``StudyInstanceUID`` itself.

    Returns
    -------
    Labels
        ``any`` is the majority of the column ICH, independent of the subtypes' majorities.

    Raises
    ------
    DatasetError
        If a name has no study or stands twice, or a cell is wrong.
    """
    names = require_ids(table, "name", path)
    ids = _studies(table, names, path, studies)
    reads = np.stack(
        [
            np.stack([label_values(table, f"{r}:{_CQ500[c]}", path) for c in CLASSES], 1)
            for r in _CQ500_READERS
        ]
    )
    found = majority(reads)
    category = (
        dict(zip(ids, table["Category"].tolist(), strict=True)) if "Category" in table else {}
    )
    return Labels(
        "study",
        ids,
        found.values,
        subgroups={"Category": category} if category else {},
        format="cq500",
        ties=tuple((ids[row], CLASSES[number]) for row, number in found.ties),
        kappa=agreement(reads),
    )


def _studies(
    table: pd.DataFrame, names: list[str], path: Path, studies: Path | None
) -> tuple[str, ...]:
    remedy = "give a CSV file with the columns name and StudyInstanceUID"
    if studies is not None:
        other = read_table(studies, remedy)
        if not {"name", "StudyInstanceUID"}.issubset(other.columns):
            raise DatasetError("the columns are others", path=studies, remedy=remedy)
        uid_of = dict(zip(other["name"].tolist(), other["StudyInstanceUID"].tolist(), strict=True))
        missing = [name for name in names if not uid_of.get(name)]
        if missing:
            raise DatasetError(
                f"{len(missing)} names of the labels have no study, the first is "
                f"{one_line(missing[0])}",
                path=studies,
                remedy="add their rows",
            )
        ids = tuple(uid_of[name] for name in names)
    elif "StudyInstanceUID" in table:
        ids = tuple(require_ids(table, "StudyInstanceUID", path))
    else:
        raise DatasetError("CQ500's names are not identifiers of DICOM", path=path, remedy=remedy)
    twice = next((row for row, name in enumerate(ids) if name in ids[:row]), None)
    if twice is not None:
        raise_row("its study stands twice", twice, path)
    return ids


def is_physionet(columns: Sequence[str]) -> bool:
    """Return whether a header is that of PhysioNet's ``hemorrhage_diagnosis_raw_ct.csv``."""
    return set(_PHYSIONET.values()).union(_PHYSIONET_KEYS).issubset(columns)


def read_physionet(table: pd.DataFrame, path: Path) -> Labels:
    """Return the labels of PhysioNet CT-ICH, by slice.

    Parameters
    ----------
    table : DataFrame
        The file, from ``text_table.read_table``.
    path : Path
        The file, for errors.

    Returns
    -------
    Labels
        The identifier is the file's column ``SOPInstanceUID`` where it has one, else
        ``<PatientNumber>_<SliceNumber>``: the data set has pictures; DICOM files that are made of
        them must have these identifiers. ``any`` is not ``No_Hemorrhage``.

    Raises
    ------
    DatasetError
        If two rows of a slice contradict each other, or a cell is wrong.
    """
    patients, numbers = (require_ids(table, name, path) for name in _PHYSIONET_KEYS)
    ids = [f"{patient}_{number}" for patient, number in zip(patients, numbers, strict=True)]
    if "SOPInstanceUID" in table:
        ids = require_ids(table, "SOPInstanceUID", path)
    columns = [label_values(table, _PHYSIONET[name], path) for name in CLASSES]
    columns[0] = 1 - columns[0]  # No_Hemorrhage
    values = np.stack(columns, 1)
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        earlier = first.setdefault(name, row)
        if not np.array_equal(values[earlier], values[row], equal_nan=True):
            raise_row("it contradicts an earlier row of the same slice", row, path)
    rows = list(first.values())
    return Labels(
        "slice",
        tuple(first),
        values[rows],
        patients={name: patients[row] for name, row in first.items()},
        format="physionet",
        duplicates=len(ids) - len(rows),
    )
