"""The index of the inbox: which files came, which changed, which are gone."""

import pytest
from index_cases import come, files, judge

from ich_resources.folders import FoundFile
from ich_resources.inbox.growth import OpenSeries


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
