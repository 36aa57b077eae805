"""The file of the index: names of any bytes, an index that is damaged or of another version."""

import os
import sqlite3
from contextlib import closing

import pytest
from index_cases import LATIN, come, files, slice_of

from ich_resources.arrivals import Arrival
from ich_resources.errors import StorageError
from ich_resources.folders import FoundFile
from ich_resources.inbox.files import FileFacts
from ich_resources.inbox.growth import OpenSeries
from ich_resources.inbox.index import InboxIndex


def test_file_names_that_are_not_utf8_survive(index):
    names = [f"{LATIN}/{LATIN}", "Schädel/ä"]
    index.update_files(files(*names), now=10)
    assert index.unread(9) == names[::-1]
    come(index, *names)
    assert sorted(content["path"] for content in index.contents("1.1")) == sorted(names)
    (series,) = index.open_series()
    assert series.files == 2
    assert len(series.folders) == 2 and "Schädel" in series.folders
    index.update_files(files(*names), now=20)
    assert [series.last_seen for series in index.open_series()] == [10]


def test_a_folder_that_is_not_utf8_goes_by_one_name(index):
    index.update_files(files(f"{LATIN}/a", f"{LATIN}/b", f"{LATIN}/.done"), now=10)
    index.store([slice_of(f"{LATIN}/a")])
    (series,) = index.open_series()
    assert series.folders == index.unread_folders() == set(index.markers())


def test_a_reopened_index_keeps_everything(path):
    arrival = Arrival("1.2", "1.1", state="admitted", version="v", request_id="t")
    with InboxIndex.open(path) as index:
        come(index, "a", "b")
        index.update_files(files("a", "x/c", "x/.done"), now=20)
        index.store([FileFacts("nowhere", "stray", content="not in the inbox")])
        index.record_requests([arrival])
        index.set_note("told", "once")
    with InboxIndex.open(path) as index:
        assert index.open_series() == [OpenSeries("1.2", "1.1", 1, 10, frozenset([""]))]
        assert (index.unread(9), index.unread_folders()) == (["x/c"], {"x"})
        assert index.markers() == {"x": 20}
        assert index.contents("1.1") == [{"path": "a"}]
        assert index.unassigned() == []
        assert index.arrivals() == [arrival]
        assert index.request_ids(arrival) == ["t"]
        assert index.get_note("told") == "once"


def test_nothing_new_is_no_change(path):
    with InboxIndex.open(path) as index:
        assert not index.changed
        index.update_files(files("a", ".done"), now=10)
        index.store([slice_of("a")])
        assert index.changed
    with InboxIndex.open(path) as index:
        index.update_files(files("a", ".done"), now=20)
        assert index.open_series() and index.markers() and index.unread(9) == []
        assert not index.changed
        index.update_files(files("a"), now=30)
        assert index.changed


def test_a_file_that_is_no_index(path):
    path.parent.mkdir()
    path.write_bytes(b"this is no database\n" * 100)
    with pytest.raises(StorageError, match="not a database") as caught, InboxIndex.open(path):
        pass
    assert caught.value.path == path
    assert "delete this file" in caught.value.remedy


def test_an_index_damaged_inside(path):
    with InboxIndex.open(path) as index:
        come(index, *(f"a/long/enough/path/{number}" for number in range(300)))
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xaa" * (len(content) - 4096))
    with pytest.raises(StorageError, match="malformed") as caught, InboxIndex.open(path) as index:
        index.count()
    assert caught.value.path == path
    assert "delete this file" in caught.value.remedy


def test_an_index_of_another_version_is_left_as_it_is(path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(StorageError, match="version 99") as caught, InboxIndex.open(path):
        pass
    assert "delete this file" in caught.value.remedy
    assert path.read_bytes() == before


def test_an_empty_file_is_a_new_index(path):
    path.parent.mkdir()
    path.touch()
    with InboxIndex.open(path) as index:
        assert index.count() == 0


def test_an_index_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "inbox.sqlite"
    with pytest.raises(StorageError, match="cannot be opened") as caught, InboxIndex.open(path):
        pass
    assert caught.value.path == path


def test_a_sentence_with_a_name_that_is_not_utf_8_survives(tmp_path):
    with InboxIndex.open(tmp_path / "index") as index:
        index.upsert([Arrival("1.2", "1.1", sentence=os.fsdecode(b"Sch\xe4del"))])
        assert index.arrival("1.2").sentence == r"Sch\udce4del"


def test_rules_of_priority_see_every_folder_and_the_header_of_the_first_slice(tmp_path):
    header = {"sender": "CT_ER", "study_description": "Stroke", "body_part": "", "rows": 512}
    with InboxIndex.open(tmp_path / "index") as index:
        found = [FoundFile("b/2", 7, 1), FoundFile("a/1", 7, 1), FoundFile("c/3", 7, 1)]
        index.update_files(found, now=1.0)
        index.store(
            [
                FileFacts("b/2", "slice", "1.1", "1.2", "1.2.2", {"header": {"sender": "other"}}),
                FileFacts("a/1", "slice", "1.1", "1.2", "1.2.1", {"header": header}),
                FileFacts("c/3", "slice", "1.1", "1.3", "1.3.1", {"header": {}}),
            ]
        )
        assert index.rule_values("1.2") == {
            "folder": ["a", "b"],
            "sender": ["CT_ER"],
            "study_description": ["Stroke"],
            "body_part": [],
        }
        assert index.rule_values("1.3")["sender"] == []  # an earlier version did not read it
        index.update_files([], now=2.0)
        assert index.rule_values("1.2")["sender"] == ["CT_ER"]
        assert index.rule_values("9")["folder"] == []
