"""The inbox as people read it: first what needs a person, then the latest series."""

import io
import time
from dataclasses import replace
from datetime import datetime

import pandas as pd
import pytest

from ich_resources.arrivals import Arrival, Cause, SeriesTimes
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, UnassignedFile
from ich_resources.storage.arrival_tables import INBOX_COLUMNS, inbox_table
from ich_resources.storage.slice_tables import csv_bytes

FIRST = Arrival("1.3", "1.1", last_seen=10.0, files=1)
LAST = Arrival(
    series_instance_uid="1.2",
    study_instance_uid="1.1",
    description="Schädel, nativ",
    state="incomplete",
    files=34,
    last_seen=1_700_000_000.9,
    admitted=30,
    refused=1,
    failed=2,
    codes="LOCALIZER, NO_PIXELS x2",
    sentence='the file ends "early"; a scout',
    version="0123456789abcdef" * 4,
    requested_version="v",
    request_id="t",
    attempts=2,
)
UNASSIGNED = UnassignedFile("a/b", Judgement("failed", Reason.UNREADABLE, "cut short"))
DIRECTORY = UnassignedFile("DICOMDIR", Judgement("refused", Reason.DICOMDIR, "a directory"))


def read(table):
    return pd.read_csv(io.BytesIO(csv_bytes(table)), dtype=str, keep_default_na=False)


def test_a_row_says_all_that_is_known_of_a_series():
    times = SeriesTimes("1.2", "v", "done", 0.0, 60.9, 61.0, 70.0, 100.0, 39.06)
    (row,) = inbox_table([LAST], [], None, {"1.2": times}).to_dict("records")
    assert row == {
        "series_id": "1.2",
        "study_id": "1.1",
        "description": "Schädel, nativ",
        "state": "incomplete",
        "files": 34,
        "admitted": 30,
        "refused": 1,
        "failed": 2,
        "codes": "LOCALIZER, NO_PIXELS x2",
        "sentence": 'the file ends "early"; a scout',
        "last_file": "2023-11-14 22:13:20+00:00",
        "version": "0123456789ab",
        "phase": "incomplete",
        "first_file": "1970-01-01 00:00:00+00:00",
        "complete": "1970-01-01 00:01:00+00:00",
        "requested": "1970-01-01 00:01:01+00:00",
        "started": "1970-01-01 00:01:10+00:00",
        "done": "1970-01-01 00:01:40+00:00",
        "seconds_to_result": 39.1,
    }
    assert tuple(row) == INBOX_COLUMNS


def test_a_moment_that_nobody_saw_is_an_empty_cell():
    row = read(inbox_table([FIRST], [], None, {"1.3": SeriesTimes("1.3", complete=1.0)})).iloc[0]
    assert row["complete"] == "1970-01-01 00:00:01+00:00"
    assert row[["requested", "done", "seconds_to_result"]].to_list() == ["", "", ""]


def test_the_latest_series_first_and_strays_last():
    table = inbox_table([FIRST, LAST], [DIRECTORY])
    assert list(table["series_id"]) == ["1.2", "1.3", ""]
    assert list(table["codes"])[2:] == ["DICOMDIR"]
    assert "3.0" not in csv_bytes(table).decode()


def test_a_stray_is_one_file_with_its_path_and_reason():
    row = read(inbox_table([], [UNASSIGNED])).iloc[0].to_dict()
    said = {"state": "failed", "files": "1", "codes": "UNREADABLE", "sentence": "a/b: cut short"}
    said |= {"admitted": "0", "refused": "0", "failed": "1", "phase": "failed"}
    assert row == dict.fromkeys(INBOX_COLUMNS, "") | said


@pytest.fixture
def tokyo(monkeypatch):
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


def test_times_are_utc_wherever_the_machine_stands(tokyo):
    assert datetime.fromtimestamp(10.0).hour == 9
    assert inbox_table([FIRST], [])["last_file"][0] == "1970-01-01 00:00:10+00:00"


def test_an_inbox_with_nothing_has_its_columns():
    assert csv_bytes(inbox_table([], [])).decode() == ",".join(INBOX_COLUMNS) + "\n"


def test_the_table_survives_its_file():
    found = read(inbox_table([FIRST, LAST], []))
    assert found["sentence"][0] == LAST.sentence
    assert list(found["admitted"]) == ["30", "0"]


def test_due_series_show_the_fault_of_the_machine_that_they_wait_for():
    due = replace(LAST, state="admitted", requested_version="")
    asked = replace(due, requested_version=due.version)
    table = inbox_table([due, asked, LAST], [], Cause("DISK", "the disk is full", 1.0, 2.0))
    assert table[["state", "phase", "codes"]].to_numpy().tolist() == [
        ["admitted", "waiting", "DISK"],
        ["incomplete", "incomplete", LAST.codes],
        ["admitted", "requested", LAST.codes],
    ]
    assert table["sentence"].to_list() == ["the disk is full", LAST.sentence, LAST.sentence]
    assert inbox_table([due], [])["phase"].to_list() == ["due"]


def test_what_needs_a_person_comes_first_the_latest_before_others():
    states = ("failed", "held", "done", "refused", "arriving", "running", "failed")
    found = [replace(FIRST, series_instance_uid=f"2.{i}", state=s) for i, s in enumerate(states)]
    due = replace(FIRST, series_instance_uid="2.9", state="admitted", version="v")
    table = inbox_table([*found, due], [UNASSIGNED], Cause("DISK", "full", 1.0, 2.0))
    first = ["2.9", "2.6", "2.1", "2.0", ""]
    assert list(table["series_id"]) == [*first, "2.5", "2.4", "2.3", "2.2"]
    assert "2.9" not in list(inbox_table([*found, due], [])["series_id"])[:3]
