"""Predictions of one fold, of all folds, and the tables that the reference's next stage reads.

The tables below ``output/SingleModelOutput`` are the reference's (docs/training.md, "Files").
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ich_resources.errors import StorageError
from ich_resources.hemorrhage import CLASSES
from ich_resources.storage.arrays import read_array, write_array
from ich_resources.storage.files import write_bytes
from ich_resources.storage.layout import slice_id
from ich_resources.storage.training_layout import FoldFiles

FloatArray = npt.NDArray[np.float32]
ORDER_COLUMNS = ("slice", "series", "study")
LEAK = "accept_leak"
"""Column that says that the first weights may have seen the slices; only there where they may."""
LEAK_SENTENCE = "THE FIRST WEIGHTS MAY HAVE SEEN THESE SLICES"
"""The same for a line of text."""


def write_fold(
    files: FoldFiles,
    order: pd.DataFrame,
    probabilities: FloatArray,
    features: npt.NDArray[np.float16],
) -> None:
    """Write the predictions of one fold.

    Parameters
    ----------
    files : FoldFiles
        Where to.
    order : DataFrame
        A row for each slice: ``ORDER_COLUMNS``.
    probabilities : float32 array, shape (n, 6)
        Mean over the views.
    features : float16 array, shape (n, C)
        Mean over the views of the pooled features.

    Raises
    ------
    StorageError
        If a file cannot be written.
    """
    write_array(files.probabilities, probabilities)
    write_array(files.features, features)
    write_table(files.order, order)


def read_order(path: Path, remedy: str, columns: Sequence[str] = ORDER_COLUMNS) -> pd.DataFrame:
    """Read the order of some predictions.

    Parameters
    ----------
    path : Path
        The table.
    remedy : str
        What makes it.
    columns : sequence of str
        Columns that it must have.

    Raises
    ------
    StorageError
        If the file is missing or is not such a table.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False)
    except (OSError, ValueError) as err:
        raise StorageError("the table cannot be read", path=path, remedy=remedy) from err
    if not set(columns) <= set(table.columns):
        raise StorageError("the table lacks a column", path=path, remedy=remedy)
    return table


def read_probabilities(path: Path, rows: int, remedy: str) -> FloatArray:
    """Read the probabilities of one fold.

    Parameters
    ----------
    path : Path
        The file.
    rows : int
        Number of slices that it must have.
    remedy : str
        What makes it, for the error.

    Returns
    -------
    float32 array, shape (rows, 6)
        In the order of the file of the slices.

    Raises
    ------
    StorageError
        If the file is missing, damaged or of another number of slices.
    """
    values = read_array(path, remedy=remedy)
    if values.shape != (rows, len(CLASSES)):
        raise StorageError(
            f"the array has the shape {values.shape}, not ({rows}, {len(CLASSES)})",
            path=path,
            remedy=remedy,
        )
    return np.asarray(values, np.float32)


def write_table(path: Path, table: pd.DataFrame, *, index: bool = False) -> None:
    """Write a CSV file whole; see ``files.write_bytes``.

    Parameters
    ----------
    path : Path
        Its folder is made if missing.
    table : DataFrame
        All of it.
    index : bool
        Whether the index is the first column.
    """
    write_bytes(path, table.to_csv(index=index, lineterminator="\n").encode())


def single_model_table(
    slices: Sequence[str], probabilities: FloatArray, *, leak: bool, filename_first: bool = False
) -> pd.DataFrame:
    """Return a table as the reference's next stage reads it, sorted by file name.

    Parameters
    ----------
    slices : sequence of str
        SOPInstanceUIDs.
    probabilities : float32 array, shape (n, 6)
        In the same order.
    leak : bool
        Whether to say that the numbers may be of slices that the first weights have seen.
    filename_first : bool
        Whether the column ``filename`` stands before the classes, as in the table of the test set.
    """
    names = [f"{slice_id(uid)}.png" for uid in slices]
    table = pd.DataFrame(probabilities, columns=list(CLASSES))
    table.insert(0 if filename_first else len(CLASSES), "filename", names)
    table = table.sort_values("filename", kind="stable", ignore_index=True)
    return table.assign(**{LEAK: True}) if leak else table


def write_features(
    folder: Path, slices: Sequence[str], features: npt.NDArray[np.float16], suffix: str = ""
) -> None:
    """Write a file for the feature of each slice, as the reference's next stage reads them.

    Parameters
    ----------
    folder : Path
        ``npy_train`` or ``npy_test``.
    slices : sequence of str
        SOPInstanceUIDs.
    features : float16 array, shape (n, C)
        In the same order.
    suffix : str
        Follows the ID: ``_<fold>`` for the test set.

    Raises
    ------
    StorageError
        If a file cannot be written.
    """
    for uid, feature in zip(slices, features, strict=True):
        buffer = io.BytesIO()
        np.save(buffer, feature, allow_pickle=False)
        # Not durable: there may be millions of them, and the array has them all.
        write_bytes(folder / f"{slice_id(uid)}{suffix}.npy", buffer.getvalue())
