"""Tables of the processed slices, as the reference names them (docs/reference.md, section 6)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import CLASSES
from ich_resources.plain_text import cell
from ich_resources.series import SeriesRecord
from ich_resources.storage.layout import slice_id
from ich_resources.storage.processed_schema import ProcessedSlice

SERIES_COLUMNS = (
    "filename",
    "sop_instance_uid",
    "StudyInstance",
    "SeriesInstance",
    "Position2",
    "dcm_path",
    "slice_idx",
    "slice_id",
    "index",
)
"""Columns of ``series_csv`` and ``study_csv``."""
META_COLUMNS = ("filename", "StudyInstance", "SeriesInstance", "Position2", "slice_id")
"""Columns of ``test_meta_id_seriser.csv``."""

SLICES_COLUMNS = (
    "slice_number",
    *CLASSES,
    "position",
    "position_z",
    "ID",
    "sop_instance_uid",
    "series_id",
    "study_id",
)
"""Columns of ``slices.csv``. A slice has the same number on the pages and on its panel."""


def scored_slices(
    series: SeriesRecord, slices: Sequence[ProcessedSlice], probabilities: FloatArray
) -> pd.DataFrame:
    """Return the rows of one series in ``slices.csv``, in series order.

    Parameters
    ----------
    series : SeriesRecord
        Its UIDs.
    slices : sequence of ProcessedSlice
        N of them, in series order.
    probabilities : float32 array, shape (N, 6)
        As the tables show them.
    """
    uids = [item.sop_instance_uid for item in slices]
    columns = {
        "slice_number": range(1, len(slices) + 1),
        **{name: probabilities[:, i].astype(np.float64) for i, name in enumerate(CLASSES)},
        "position": [item.position for item in slices],
        "position_z": [item.position_z for item in slices],
        "ID": [slice_id(uid) for uid in uids],
        "sop_instance_uid": uids,
        "series_id": series.series_instance_uid,
        "study_id": series.study_instance_uid,
    }
    return pd.DataFrame(columns, columns=list(SLICES_COLUMNS))


def series_table(series: SeriesRecord, slices: Sequence[ProcessedSlice]) -> pd.DataFrame:
    """Return the table of one series, a row per scored slice in series order.

    Parameters
    ----------
    series : SeriesRecord
        Its UIDs, and the folder of its files.
    slices : sequence of ProcessedSlice
        In series order.
    """
    rows = [
        {
            "filename": f"{slice_id(item.sop_instance_uid)}.png",
            "sop_instance_uid": item.sop_instance_uid,
            "StudyInstance": series.study_instance_uid,
            "SeriesInstance": series.series_instance_uid,
            "Position2": item.position_z,
            "dcm_path": str(Path(series.input_dir, item.path)),
            "slice_idx": index,
            "slice_id": f"{series.series_instance_uid}_{index}",
            "index": index,
        }
        for index, item in enumerate(slices)
    ]
    return pd.DataFrame(rows, columns=list(SERIES_COLUMNS))


def study_table(series_tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the slices of one study, by z and then series, numbered through the study."""
    table = pd.concat(series_tables).sort_values(["Position2", "SeriesInstance"], kind="stable")
    numbers = range(len(table))
    ids = [f"{study}_{i}" for i, study in zip(numbers, table["StudyInstance"], strict=True)]
    return table.assign(slice_idx=numbers, index=numbers, slice_id=ids).reset_index(drop=True)


def standard_table(filenames: Sequence[str]) -> pd.DataFrame:
    """Return ``standard_test.csv``: the file names and six zero columns."""
    return pd.DataFrame({"filename": list(filenames), **dict.fromkeys(CLASSES, 0)})


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Return a table as CSV in UTF-8, without a row index; texts are escaped (``plain_text``)."""
    return safe_cells(table).to_csv(index=False, lineterminator="\n").encode()


def safe_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts no spreadsheet runs; numbers are left as they are."""
    texts = table.select_dtypes(exclude=["number", "bool"]).columns
    return table.assign(
        **{
            name: pd.Series([_safe(v) for v in table[name]], index=table.index, dtype=object)
            for name in texts
        }
    )


def _safe(value: object) -> object:
    return cell(value) if isinstance(value, str) else value
