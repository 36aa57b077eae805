"""CSV files of people: every cell as text, with errors that name file and row."""

from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from ich_resources.errors import DatasetError

_LABELS = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "": np.nan}


def read_columns(path: Path, remedy: str) -> list[str]:
    """Read the names of the columns of a CSV file; parameters and errors as ``read_table``."""
    return [str(name) for name in read_table(path, remedy, rows=0).columns]


def read_table(path: Path, remedy: str, *, rows: int | None = None) -> pd.DataFrame:
    """Read a CSV file; each cell is a text without spaces around it.

    Parameters
    ----------
    path : Path
        The file, UTF-8, with a header.
    remedy : str
        What makes such a file, or where its form is described.
    rows : int, optional
        Read only the first rows.

    Raises
    ------
    DatasetError
        If the file is missing or is not such a table.
    """
    try:
        table = pd.read_csv(path, dtype=str, na_filter=False, encoding="utf-8-sig", nrows=rows)

    except FileNotFoundError as err:
        raise DatasetError("the file does not exist", path=path, remedy=remedy) from err
    except OSError as err:
        text = f"the file cannot be read: {err.strerror}"
        raise DatasetError(text, path=path, remedy=remedy) from err
    except (ValueError, UnicodeError) as err:  # the errors of pandas' parser are ValueErrors
        raise DatasetError("the file is not a CSV table", path=path, remedy=remedy) from err
    if not isinstance(table.index, pd.RangeIndex):
        text = "the rows have more cells than the header"
        raise DatasetError(text, path=path, remedy=remedy)
    table.columns = [str(name).strip() for name in table.columns]
    return table.apply(lambda column: column.astype(str).str.strip())


def require_ids(table: pd.DataFrame, column: str, path: Path) -> list[str]:
    """Return a column of identifiers, none of which is empty.

    Parameters
    ----------
    table : DataFrame
        From ``read_table``.
    column : str
        Name of the column.
    path : Path
        The file, for errors.

    Raises
    ------
    DatasetError
        If a cell is empty; it names the row.
    """
    ids = table[column].tolist()
    if "" in ids:
        raise_row(f"{column} is empty", ids.index(""), path)
    return ids


def label_values(table: pd.DataFrame, column: str, path: Path) -> npt.NDArray[np.float32]:
    """Return a column of labels.

    Parameters
    ----------
    table : DataFrame
        From ``read_table``.
    column : str
        Name of the column.
    path : Path
        The file, for errors.

    Returns
    -------
    float32 array, shape (rows,)
        0, 1, or NaN where the cell is empty.

    Raises
    ------
    DatasetError
        If a cell is something else; it names the row.
    """
    texts = table[column].tolist()
    unknown = next((row for row, text in enumerate(texts) if text not in _LABELS), None)
    if unknown is not None:
        raise_row(f"{column} is neither 0 nor 1 nor empty", unknown, path)
    return np.array([_LABELS[text] for text in texts], np.float32)


def raise_row(what: str, row: int, path: Path) -> NoReturn:
    """Raise the error of one row.

    Parameters
    ----------
    what : str
        The fault.
    row : int
        Number of the row below the header, from 0.
    path : Path
        The file.

    Raises
    ------
    DatasetError
        Always.
    """
    raise DatasetError(f"row {row + 1} below the header: {what}", path=path, remedy="mend the row")
