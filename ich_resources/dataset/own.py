"""Labels in our own form: an identifier, the six classes, and further columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ich_resources.dataset.readers import agreement, majority, stacked, with_any
from ich_resources.dataset.text_table import label_values, require_ids
from ich_resources.errors import DatasetError
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import Labels, Level
from ich_resources.plain_text import one_line

LEVEL_OF: Mapping[str, Level] = {
    "SOPInstanceUID": "slice",
    "SeriesInstanceUID": "series",
    "StudyInstanceUID": "study",
}
"""The level of labels by the column of their identifiers, the finest first."""
_PATIENT, _READER = "patient", "reader"


@dataclass(frozen=True)
class _Rows:
    """The rows of a file: identifier, reader, labels."""

    path: Path
    ids: list[str]
    readers: list[str]
    values: npt.NDArray[np.float32]


def is_own(columns: Sequence[str]) -> bool:
    """Return whether a header is of our own form."""
    return any(name in columns for name in LEVEL_OF) and bool(_class_columns(columns))


def read_own(table: pd.DataFrame, path: Path) -> Labels:
    """Return labels in our own form.

    Parameters
    ----------
    table : DataFrame
        The file, from ``text_table.read_table``.
    path : Path
        The file, for errors.

    Raises
    ------
    DatasetError
        If two rows of an identifier and a reader contradict each other, if an identifier has two
        patients, or if a cell is wrong; it names identifier or row.
    """
    columns = [str(name) for name in table.columns]
    key = next(name for name in LEVEL_OF if name in columns)
    rows = _rows(table, key, path)
    unique, repeated = _without_repeats(rows)
    readers = sorted(set(rows.readers))
    reads = stacked(list(unique.values()), rows.values, readers)
    found = majority(reads)
    ids = tuple(unique)
    others = [
        name
        for name in columns
        if name not in (*LEVEL_OF, *_class_columns(columns).values(), _PATIENT, _READER)
    ]
    subgroups: dict[str, dict[str, str]] = {}
    notes: list[str] = []
    for name in others:
        subgroups[name], different = _agreed(rows.ids, table[name].tolist())
        if different:
            notes.append(f"{len(different)} identifiers have several values of {one_line(name)}")
    patients: dict[str, str] = {}
    if _PATIENT in columns:
        patients, different = _agreed(rows.ids, table[_PATIENT].tolist())
        if different:
            raise DatasetError(
                f"{one_line(different[0])} has two patients", path=path, remedy="mend the rows"
            )
    return Labels(
        LEVEL_OF[key],
        ids,
        found.values,
        patients=patients,
        subgroups=subgroups,
        ties=tuple((ids[row], CLASSES[number]) for row, number in found.ties),
        kappa=agreement(reads) if len(readers) > 1 else {},
        duplicates=repeated,
        notes=tuple(notes),
    )


def _class_columns(columns: Sequence[str]) -> dict[str, str]:
    """Return the column of each class that a file has; upper or lower case does not matter."""
    return {name.lower(): name for name in columns if name.lower() in CLASSES}


def _rows(table: pd.DataFrame, key: str, path: Path) -> _Rows:
    by_class = _class_columns([str(name) for name in table.columns])
    values = np.full((len(table), len(CLASSES)), np.nan, np.float32)
    for number, name in enumerate(CLASSES):
        if name in by_class:
            values[:, number] = label_values(table, by_class[name], path)
    readers = table[_READER].tolist() if _READER in table.columns else [""] * len(table)
    return _Rows(path, require_ids(table, key, path), readers, with_any(values))


def _without_repeats(rows: _Rows) -> tuple[dict[str, dict[str, int]], int]:
    """Return the row of each reader by identifier, and how many rows repeat an equal one.

    Raises
    ------
    DatasetError
        If two rows of a reader contradict each other.
    """
    found: dict[str, dict[str, int]] = {}
    repeated = 0
    for row, (name, reader) in enumerate(zip(rows.ids, rows.readers, strict=True)):
        earlier = found.setdefault(name, {}).setdefault(reader, row)
        if earlier == row:
            continue
        if not np.array_equal(rows.values[earlier], rows.values[row], equal_nan=True):
            raise DatasetError(
                f"two rows of {one_line(name)} contradict each other",
                path=rows.path,
                remedy="remove the wrong row, or name the readers in a column reader",
            )
        repeated += 1
    return found, repeated


def _agreed(ids: Sequence[str], texts: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the one text of each identifier, and the identifiers that have several."""
    texts_of: dict[str, set[str]] = {}
    for name, text in zip(ids, texts, strict=True):
        if text:
            texts_of.setdefault(name, set()).add(text)
    one = {name: min(found) for name, found in texts_of.items() if len(found) == 1}
    return one, [name for name, found in texts_of.items() if len(found) > 1]
