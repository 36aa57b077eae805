"""The index of the inbox: what came, what changed, what is known of each series."""

import os
import sqlite3
from contextlib import closing

import pytest

from ich_resources.arrivals import Arrival
from ich_resources.errors import StorageError
from ich_resources.folders import FoundFile
from ich_resources.inbox.files import FileFacts
from ich_resources.inbox.growth import OpenSeries
from ich_resources.inbox.index import InboxIndex

LATIN = os.fsdecode(b"Sch\xe4del")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "inbox.sqlite"


@pytest.fixture
def index(path):
    with InboxIndex.open(path) as index:
        yield index


def files(*names, size=1, mtime=1):
    return [FoundFile(name, size, mtime) for name in names]


def slice_of(path, series="1.2", study="1.1", sop=None):
    return FileFacts(path, "slice", study, series, sop or ascii(path), {"path": path})


def come(index, *names, now=10.0, series="1.2", study="1.1"):
    """Let slices of one series come and be read."""
    index.update_files(files(*names), now)
    index.store([slice_of(name, series, study) for name in names])


def judge(index, *uids):
    index.upsert([Arrival(uid, "1.1", state="done", version="v") for uid in uids], judged=True)


# What lies in the inbox.


def test_new_files_are_to_be_read_the_oldest_first(index):
    index.update_files(files("b", "c"), now=10)
    index.update_files(files("b", "c", "a"), now=20)
    index.update_files(files("b", "c", "a", "d/e"), now=20)
    assert index.unread(9) == ["b", "c", "a", "d/e"]
    assert index.unread(3) == ["b", "c", "a"]
    assert index.unread(0) == []
    assert (index.count(), index.count("unread")) == (4, 4)
    assert index.unread_folders() == {"", "d"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("IM0001", "unread"),
        ("IM0001.dcm", "unread"),
        ("IM0001.part", "temporary"),
        ("IM0001.DCM.TMP", "temporary"),
        ("part", "unread"),
        ("x.done", "unread"),
        (".done", "marker"),
        (".DONE", "unread"),
    ],
)
@pytest.mark.parametrize("folder", ["", "a/b/"])
def test_kinds_by_name(index, folder, name, kind):
    index.update_files(files(folder + name), now=10)
    assert {k: index.count(k) for k in ("unread", "temporary", "marker") if index.count(k)} == {
        kind: 1
    }
    assert index.unread(9) == ([folder + name] if kind == "unread" else [])
    assert index.unread_folders() == ({folder.rstrip("/")} if kind == "unread" else set())


def test_markers_by_folder_with_the_time_they_came(index):
    index.update_files(files("a/.done"), now=10)
    index.update_files(files("a/.done", ".done", "a/b/.done"), now=20)
    assert index.markers() == {"a": 10, "": 20, "a/b": 20}
    index.update_files(files("a/.done", size=2), now=30)
    assert index.markers() == {"a": 30}


def test_the_same_files_again_change_nothing(index):
    come(index, "a", "b")
    judge(index, "1.2")
    index.update_files(files("a", "b"), now=99)
    assert (index.unread(9), index.open_series(), index.count("slice")) == ([], [], 2)


@pytest.mark.parametrize("changed", [FoundFile("a", 2, 1), FoundFile("a", 1, 2)])
def test_a_changed_file_is_read_again_and_its_series_grows(index, changed):
    come(index, "a", "b")
    judge(index, "1.2")
    index.update_files([changed, *files("b")], now=50)
    assert index.unread(9) == ["a"]
    assert index.open_series() == [OpenSeries("1.2", "1.1", 2, 50, frozenset([""]))]
    assert index.contents("1.1") == [{"path": "b"}]


def test_a_gone_file_changes_no_series_but_is_not_counted(index):
    come(index, "a", "b")
    index.update_files(files("a", "b", "c"), now=20)
    judge(index, "1.2")
    index.update_files(files("a"), now=50)
    assert (index.count(), index.unread(9), index.open_series()) == (1, [], [])
    assert index.contents("1.1") == [{"path": "a"}]


def test_a_file_that_is_back_as_it_was_lets_its_series_grow_without_being_read(index):
    come(index, "a", "b")
    judge(index, "1.2")
    index.update_files(files("a"), now=50)
    index.update_files(files("a", "b"), now=60)
    assert index.unread(9) == []
    assert index.open_series() == [OpenSeries("1.2", "1.1", 2, 60, frozenset([""]))]
    assert index.contents("1.1") == [{"path": "a"}, {"path": "b"}]


def test_a_file_that_is_back_with_other_content_is_read_again(index):
    come(index, "a")
    judge(index, "1.2")
    index.update_files([], now=50)
    index.update_files(files("a", size=2), now=60)
    assert index.unread(9) == ["a"]
    assert [series.last_seen for series in index.open_series()] == [60]


def test_a_temporary_file_is_read_once_it_has_its_name(index):
    index.update_files(files("a.part"), now=10)
    index.update_files(files("a"), now=20)
    assert (index.unread(9), index.count("temporary"), index.count()) == (["a"], 0, 1)


# What the headers say.


def test_stored_facts_make_a_series_grow(index):
    come(index, "x/a", "x/b", "y/c", now=10)
    come(index, "x/a", "x/b", "y/c", "d", now=20)
    assert index.open_series() == [OpenSeries("1.2", "1.1", 4, 20, frozenset(["", "x", "y"]))]
    assert index.unread(9) == []
    assert index.count("slice") == 4


def test_growing_series_come_in_the_order_of_their_last_file(index):
    index.update_files(files("a", "b"), now=10)
    index.update_files(files("a", "b", "c"), now=20)
    index.store([slice_of("a", "1.9"), slice_of("b", "1.3"), slice_of("c", "1.2")])
    assert [series.series_instance_uid for series in index.open_series()] == ["1.3", "1.9", "1.2"]


def test_a_series_that_was_judged_grows_no_more(index):
    index.update_files(files("a", "b"), now=10)
    index.store([slice_of("a", "1.2"), slice_of("b", "1.3")])
    index.upsert([Arrival("1.2", "1.1")])
    assert len(index.open_series()) == 2
    judge(index, "1.2")
    assert [series.series_instance_uid for series in index.open_series()] == ["1.3"]


def test_a_series_whose_files_are_all_gone_does_not_grow(index):
    come(index, "a")
    index.update_files([], now=20)
    assert index.open_series() == []


@pytest.mark.parametrize("version", ["", "v"])
def test_a_series_whose_files_all_go_while_it_arrives_is_held(index, version):
    come(index, "a", "b")
    come(index, "a", "b", "c", series="1.3")
    before = [
        Arrival("1.2", "1.1", files=2, sentence="2 files, 9 s left", version=version),
        Arrival("1.3", "1.1", files=1, sentence="1 files, 9 s left"),
        Arrival("1.4", "1.1", state="done", files=5, version="w"),
    ]
    index.store([slice_of("a"), slice_of("b")])
    index.upsert(before)
    index.update_files(files("b", "c"), now=20)
    assert index.arrivals() == before, "one is left"
    index.update_files(files("c"), now=30)
    held = index.arrival("1.2")
    assert (held.state, held.files, held.version) == ("held", 0, version)
    assert "put them back" in held.sentence
    assert index.arrivals()[1:] == before[1:]
    index.update_files(files("a", "b", "c"), now=40)
    assert {series.series_instance_uid: series.files for series in index.open_series()} == {
        "1.2": 2,
        "1.3": 1,
    }


def test_a_series_whose_only_file_turned_into_another_is_held(index):
    come(index, "a")
    index.upsert([Arrival("1.2", "1.1", files=1)])
    index.update_files(files("a", size=2), now=20)
    assert index.arrival("1.2").state == "arriving", "it may be the same still"
    index.store([slice_of("a", "1.3")])
    index.update_files(files("a", size=2), now=30)
    assert index.arrival("1.2").state == "held"


def test_a_file_that_turns_into_another_series_lets_both_grow(index):
    come(index, "a", "b")
    judge(index, "1.2")
    index.update_files(files("a", size=2) + files("b"), now=20)
    index.store([slice_of("a", "1.3")])
    assert {series.series_instance_uid: series.files for series in index.open_series()} == {
        "1.2": 1,
        "1.3": 1,
    }


def test_other_files_and_strays_are_of_no_series(index):
    index.update_files(files("a", "b", "c"), now=10)
    unassigned = FileFacts("b", "stray", content={"path": "b", "why": "Ö"})
    index.store([FileFacts("a", "other"), unassigned, slice_of("c")])
    assert [index.count(kind) for kind in ("other", "stray", "slice", "unread")] == [1, 1, 1, 0]
    assert index.unassigned() == [{"path": "b", "why": "Ö"}]
    assert index.contents("1.1") == [{"path": "c"}]
    assert [series.files for series in index.open_series()] == [1]
    index.update_files(files("a", "c"), now=20)
    assert index.unassigned() == []


def test_contents_of_one_study_by_path(index):
    come(index, "b", "a/c", "a-")
    come(index, "b", "a/c", "a-", "d", series="2.2", study="2.1")
    index.store([slice_of("b"), slice_of("a/c"), slice_of("a-", "1.3")])
    assert [content["path"] for content in index.contents("1.1")] == ["a-", "a/c", "b"]
    assert index.contents("1.2") == []


def test_studies_that_share_an_instance_are_judged_together(index):
    index.update_files(files("a", "b", "c", "d"), now=10)
    index.store(
        [
            slice_of("a", "1.2", "1.1", "shared"),
            slice_of("b", "2.2", "2.1", "shared"),
            slice_of("c", "2.3", "2.1", "other"),
            slice_of("d", "3.2", "3.1"),
        ]
    )
    assert sorted(index.studies_judged_with("1.1")) == ["1.1", "2.1"]
    assert sorted(index.studies_judged_with("2.1")) == ["1.1", "2.1"]
    assert index.studies_judged_with("3.1") == ["3.1"]
    index.update_files(files("a", "c", "d"), now=20)
    assert index.studies_judged_with("1.1") == ["1.1"]


def test_arrivals_come_back_as_they_were(index):
    late = Arrival(
        "1.3", "1.1", "Schädel", "running", 7, 20.5, 5, 1, 1, "LOCALIZER", "one", "v", "v", "t", 2
    )
    early = Arrival("1.4", "1.1", last_seen=10.0)
    index.upsert([late, early])
    assert index.arrival("1.3") == late
    assert index.arrival("1.5") is None
    assert index.arrivals() == [early, late]
    assert index.arrivals("running", "done") == [late]
    assert index.arrivals("held") == []
    index.upsert([Arrival("1.4", "1.1", state="running", last_seen=30.0)])
    assert [a.series_instance_uid for a in index.arrivals("running")] == ["1.3", "1.4"]


def test_states_and_judged_series(index):
    assert (index.states(), index.judged_series()) == ({}, [])
    index.upsert(
        [
            Arrival("1.2", "1.1"),
            Arrival("1.3", "1.1", state="done", version="v"),
            Arrival("1.4", "1.1", state="done", version="w"),
            Arrival("1.5", "1.1", state="arriving", version="x"),
        ]
    )
    assert index.states() == {"arriving": 2, "done": 2}
    assert sorted(index.judged_series()) == ["1.3", "1.4", "1.5"]


def test_request_ids_of_the_current_version_latest_first(index):
    def request(version, request_id):
        arrival = Arrival(
            "1.2", "1.1", version=version, requested_version=version, request_id=request_id
        )
        index.record_requests([arrival])
        return arrival

    request("v", "z")
    request("v", "a")
    request("w", "other version")
    index.record_requests([Arrival("1.3", "1.1", version="v", request_id="other series")])
    last = request("v", "m")
    assert index.request_ids(last) == ["m", "a", "z"]
    assert index.arrival("1.2") == last
    assert index.request_ids(Arrival("1.2", "1.1", version="x")) == []


def test_notes(index):
    assert index.get_note("told") == ""
    index.set_note("told", "once")
    index.set_note("told", "twice")
    assert (index.get_note("told"), index.get_note("other")) == ("twice", "")


# The file of the index.


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
