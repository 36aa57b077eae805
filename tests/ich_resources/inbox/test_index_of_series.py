"""The index of the inbox: what the headers say of each series, and what became of it."""

import pytest
from index_cases import come, files, judge, slice_of

from ich_resources.arrivals import Arrival
from ich_resources.inbox.files import FileFacts
from ich_resources.inbox.growth import OpenSeries


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
