"""An index made by an earlier version is read and written as it is: its schema stands here."""

import json
import sqlite3
from contextlib import closing

import pytest

from ich_resources.arrivals import Arrival, SeriesTimes
from ich_resources.folders import FoundFile
from ich_resources.inbox.files import FileFacts
from ich_resources.inbox.growth import OpenSeries
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.time_index import seconds_to_result

SCHEMA = """
CREATE TABLE files (
    path BLOB PRIMARY KEY, folder TEXT, size INTEGER, mtime_ns INTEGER, seen REAL,
    kind TEXT, gone INTEGER DEFAULT 0, study TEXT, series TEXT, sop TEXT
) WITHOUT ROWID;
CREATE INDEX files_kind ON files (kind, folder);
CREATE INDEX files_series ON files (series);
CREATE INDEX files_study ON files (study);
CREATE INDEX files_sop ON files (sop);
CREATE TABLE contents (path BLOB PRIMARY KEY, content TEXT);
CREATE TABLE growing (series TEXT PRIMARY KEY);
CREATE TABLE arrivals (
    series_instance_uid, study_instance_uid, description, state, files, last_seen, admitted,
    refused, failed, codes, sentence, version, offered, token, attempts,
    PRIMARY KEY (series_instance_uid)
);
CREATE INDEX arrivals_state ON arrivals (state);
CREATE TABLE offers (token TEXT, series TEXT, version TEXT);
CREATE INDEX offers_series ON offers (series);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT);
PRAGMA user_version = 1;
"""
ROWS = {
    "files": [
        (b"a/1", "a", 7, 11, 10.0, "slice", 0, "1.1", "1.2", "1.2.1"),
        (b"a/2", "a", 7, 12, 20.0, "slice", 0, "1.1", "1.2", "1.2.2"),
        (b"a/.done", "a", 0, 13, 30.0, "marker", 0, None, None, None),
        (b"DICOMDIR", "", 9, 14, 10.0, "stray", 0, None, None, None),
        (b"b/1", "b", 7, 15, 40.0, "unread", 0, None, None, None),
    ],
    "contents": [
        (b"a/1", json.dumps({"path": "a/1"})),
        (b"a/2", json.dumps({"path": "a/2"})),
        (b"DICOMDIR", json.dumps({"path": "DICOMDIR"})),
    ],
    "growing": [("1.2",)],
    "arrivals": [
        ("1.2", "1.1", "Head", "arriving", 2, 20.0, 0, 0, 0, "", "2 files", "", "", "", 0),
        ("1.3", "1.1", "Neck", "held", 3, 5.0, 3, 0, 1, "LOCALIZER", "gone", "v", "v", "t2", 2),
    ],
    "offers": [("t1", "1.3", "v"), ("t2", "1.3", "v"), ("t3", "1.3", "w")],
    "notes": [("strays", "digest"), ("told", "digest of the table")],
}
ON_HOLD = Arrival(
    "1.3",
    "1.1",
    description="Neck",
    state="held",
    files=3,
    last_seen=5.0,
    admitted=3,
    failed=1,
    codes="LOCALIZER",
    sentence="gone",
    version="v",
    requested_version="v",
    request_id="t2",
    attempts=2,
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "inbox.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        for table, rows in ROWS.items():
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    return path


def rows(path, query):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_it_gets_the_table_of_times_once(path):
    with InboxIndex.open(path) as index:
        assert index.times() == {
            "1.2": SeriesTimes("1.2", "", "arriving"),
            "1.3": SeriesTimes("1.3", "v", "held"),
        }
        assert index.untimed() == []
        assert index.first_seen("1.2") == 10.0
        assert index.seconds_to_result(9.0)["all"] == {"series": 0}
    before = path.read_bytes()
    with InboxIndex.open(path) as index:
        assert not index.changed
    assert path.read_bytes() == before


def test_it_is_read(path):
    assert seconds_to_result(path, 9.0) == {}  # it has no times yet
    with InboxIndex.open(path):
        pass
    before = path.read_bytes()
    with InboxIndex.open(path) as index:
        assert index.open_series() == [OpenSeries("1.2", "1.1", 2, 20.0, frozenset(["a"]))]
        assert index.markers() == {"a": 30.0}
        assert (index.unread(9), index.unread_folders()) == (["b/1"], {"b"})
        assert index.contents("1.1") == [{"path": "a/1"}, {"path": "a/2"}]
        assert index.unassigned() == [{"path": "DICOMDIR"}]
        assert index.arrival("1.3") == ON_HOLD
        assert index.request_ids(ON_HOLD) == ["t2", "t1"]
        assert index.states() == {"arriving": 1, "held": 1}
        assert index.get_note("told") == "digest of the table"
        assert not index.changed
    assert path.read_bytes() == before


def test_it_is_written(path):
    requested = Arrival(
        "1.2", "1.1", state="admitted", version="x", requested_version="x", request_id="t9"
    )
    with InboxIndex.open(path) as index:
        index.update_files([FoundFile("a/1", 7, 11), FoundFile("a/2", 8, 12)], now=50.0)
        index.store([FileFacts("a/2", "slice", "1.1", "1.2", "1.2.2", {"path": "a/2"})])
        index.record_requests([requested])
        index.upsert([ON_HOLD], judged=True)
        index.reopen(["1.3"])
        index.set_note("told", "another")
    with InboxIndex.open(path) as index:
        assert index.arrival("1.2") == requested
        assert index.request_ids(requested) == ["t9"]
        assert index.arrival("1.3") == ON_HOLD
        assert index.unassigned() == []
    # An earlier version finds everything under its own names.
    assert rows(path, "SELECT version, offered, token FROM arrivals ORDER BY 1") == [
        ("v", "v", "t2"),
        ("x", "x", "t9"),
    ]
    assert ("t9", "1.2", "x") in rows(path, "SELECT token, series, version FROM offers")
    assert rows(path, "SELECT series FROM growing ORDER BY 1") == [("1.2",), ("1.3",)]
    assert rows(path, "SELECT value FROM notes WHERE name = 'told'") == [("another",)]


def test_a_new_index_has_the_same_tables(path, tmp_path):
    for file in (path, tmp_path / "new.sqlite"):
        with InboxIndex.open(file):
            pass
    tables = [
        [
            (table, [column[1:] for column in rows(file, f"PRAGMA table_info({table})")])
            for (table,) in rows(file, "SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for file in (path, tmp_path / "new.sqlite")
    ]
    assert tables[0] == tables[1]
    assert len(tables[0]) == len(ROWS) + 1
