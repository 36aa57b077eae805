"""Tables of processed slices: columns, numbering, and UIDs that stay text."""

import io
import os

import pandas as pd
import pytest
from contents import processed_slice

from ich_resources.hemorrhage import CLASSES
from ich_resources.series import SeriesRecord
from ich_resources.storage.slice_tables import (
    META_COLUMNS,
    SERIES_COLUMNS,
    csv_bytes,
    series_table,
    standard_table,
    study_table,
)


def table(series_uid: str, slices: dict[str, float | None]) -> pd.DataFrame:
    """Return the table of a series of study 1.20 from SOPInstanceUIDs and z."""
    items = [processed_slice(uid, position_z=z, path=f"scan/{uid}") for uid, z in slices.items()]
    return series_table(SeriesRecord("1.20", series_uid, "", (), input_dir="/in"), items)


def test_columns_of_the_reference():
    assert list(table("1.10", {}).columns) == [
        "filename",
        "sop_instance_uid",
        "StudyInstance",
        "SeriesInstance",
        "Position2",
        "dcm_path",
        "slice_idx",
        "slice_id",
        "index",
    ]
    assert ",".join(META_COLUMNS) == "filename,StudyInstance,SeriesInstance,Position2,slice_id"


def test_rows_of_a_series():
    found = table("1.10", {"1.30": -2.5, "1.4": 0.0})
    assert tuple(found.columns) == SERIES_COLUMNS
    assert found.to_dict("records")[1] == {
        "filename": "ID_1.4.png",
        "sop_instance_uid": "1.4",
        "StudyInstance": "1.20",
        "SeriesInstance": "1.10",
        "Position2": 0.0,
        "dcm_path": "/in/scan/1.4",
        "slice_idx": 1,
        "slice_id": "1.10_1",
        "index": 1,
    }


def test_a_study_is_ordered_by_z_then_series_and_numbered_through():
    upper = table("1.9", {"1": 5.0, "2": 10.0, "3": None})
    lower = table("1.10", {"4": 10.0, "5": -3.0})
    found = study_table([upper, lower])
    assert found["sop_instance_uid"].to_list() == ["5", "1", "4", "2", "3"]
    assert found["slice_id"].to_list() == [f"1.20_{i}" for i in range(5)]
    assert found["slice_idx"].to_list() == found["index"].to_list() == list(range(5))
    assert tuple(found.columns) == SERIES_COLUMNS
    assert found.index.to_list() == list(range(5))
    assert upper["slice_id"].to_list() == ["1.9_0", "1.9_1", "1.9_2"], "the series keep theirs"


@pytest.mark.parametrize("names", [["ID_2.png", "ID_1.png"], []])
def test_standard_table_is_all_zero(names):
    found = standard_table(names)
    assert list(found.columns) == ["filename", *CLASSES]
    assert found["filename"].to_list() == names
    assert found[list(CLASSES)].to_numpy().tolist() == [[0] * 6] * len(names)


def test_csv_holds_every_digit_and_no_row_index():
    content = csv_bytes(pd.DataFrame({"ID": ["1.10", "a,b"], "p": [0.1 + 0.2, 1 / 3]}))
    assert content == b'ID,p\n1.10,0.30000000000000004\n"a,b",0.3333333333333333\n'


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Schädel", "Schädel"), (os.fsdecode(b"Sch\xe4del"), "Sch\\udce4del")],
)
def test_csv_is_utf8_whatever_a_file_is_called(name, expected):
    content = csv_bytes(pd.DataFrame({"dcm_path": [name]}))
    assert pd.read_csv(io.BytesIO(content))["dcm_path"].to_list() == [expected]
