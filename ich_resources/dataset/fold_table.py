"""The list of folds: written as CSV, read with what is wrong in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ich_resources.dataset.text_table import read_table, require_ids
from ich_resources.errors import DatasetError
from ich_resources.labels import Folds
from ich_resources.plain_text import cell

FOLD_COLUMNS = ("patient", "fold")
"""Columns of ``folds.csv``."""
REMEDY = "run ich_dataset again, which writes slices.csv and folds.csv"


def folds_bytes(rows: Sequence[tuple[str, int]]) -> bytes:
    """Return the list of folds as CSV.

    Parameters
    ----------
    rows : sequence of (str, int)
        Patient key and fold. A patient of two folds would have two rows; the check
        ``patients_in_one_fold`` reports it, and no training reads such a list.
    """
    lines = [f"{cell(patient)},{fold}\n" for patient, fold in sorted(rows)]
    return "".join([",".join(FOLD_COLUMNS), "\n", *lines]).encode()


def read_fold_rows(path: Path) -> list[tuple[str, int]]:
    """Read the rows of the list of folds: patient key and fold.

    Parameters
    ----------
    path : Path
        ``folds.csv``.

    Raises
    ------
    DatasetError
        If the file is missing or damaged.
    """
    table = read_table(path, REMEDY)
    if tuple(table.columns) != FOLD_COLUMNS:
        raise DatasetError("the columns are others", path=path, remedy=REMEDY)
    try:
        folds = [int(text) for text in table["fold"].tolist()]
    except ValueError as err:
        raise DatasetError("a fold is not a number", path=path, remedy=REMEDY) from err
    return list(zip(require_ids(table, "patient", path), folds, strict=True))


def read_folds(path: Path) -> Folds:
    """Read the list of folds.

    Parameters
    ----------
    path : Path
        ``folds.csv``.

    Raises
    ------
    DatasetError
        If the file is missing or damaged, or a patient stands in two folds.
    """
    rows = read_fold_rows(path)
    folds: Mapping[str, int] = dict(rows)
    if any(folds[patient] != fold for patient, fold in rows):
        raise DatasetError(
            "a patient stands in two folds: networks would be judged on what they were trained on",
            path=path,
            remedy="set folds by patient (dataset.folds.source: stratified), and run ich_dataset",
        )
    try:
        return Folds(folds)
    except ValueError as err:
        raise DatasetError(str(err), path=path, remedy=REMEDY) from err
