"""Which series are requested now: priority, then news, and each gets its turn."""

import pytest

from ich_resources.inbox.choice import DueSeries, Queue, choose, primary_first
from ich_resources.inbox.pace import averaged, hang_limit
from ich_resources.series import SeriesRecord

NOW = 10_000.0
OLD = NOW - 3600
EMPTY = Queue(0, (), ahead=2, made=0, bite_seconds=120, seconds_per_slice=1)


def due(name, *, arrived=OLD, study="", **more):
    return DueSeries(name, study or f"study {name}", arrived, more.pop("slices", 30), **more)


def chosen(series, queue=EMPTY, now=NOW):
    return [request.series for request in choose(series, queue, now)]


def test_nothing_is_due():
    assert chosen([]) == []


def test_few_studies_have_a_request_each():
    assert chosen([due("a"), due("b")]) == [("a",), ("b",)]


def test_all_series_of_a_study_are_one_request_however_long_it_takes():
    study = [due(name, study="s", slices=500) for name in "abc"]
    assert chosen(study) == [("a", "b", "c")]


def test_priority_goes_before_news_and_news_before_the_old():
    series = [
        due("old", arrived=OLD),
        due("new", arrived=NOW - 60),
        due("urgent", arrived=OLD, priority=1),
        due("newer", arrived=NOW - 30),
    ]
    queue = EMPTY._replace(ahead=3, seconds_per_slice=0)
    assert chosen(series, queue) == [("urgent",), ("new",), ("newer",)]


def test_a_study_takes_the_highest_priority_of_its_series():
    series = [due("a", study="s"), due("b", study="s", priority=5), due("c", priority=2)]
    (request, other) = choose(series, EMPTY, NOW)
    assert (request.series, request.priority) == (("a", "b"), 5)
    assert other.priority == 2


def test_every_fourth_request_goes_to_the_oldest():
    series = [due("urgent", arrived=NOW, priority=9), due("oldest", arrived=0.0)]
    one = EMPTY._replace(ahead=1, seconds_per_slice=0)
    firsts = [chosen(series, one._replace(made=made))[0] for made in range(8)]
    assert firsts == [("urgent",)] * 3 + [("oldest",)] + [("urgent",)] * 3 + [("oldest",)]
    # The urgent one is requested all the same, beyond.
    assert chosen(series, one._replace(made=3)) == [("oldest",), ("urgent",)]


def test_a_bite_of_a_backlog_has_as_many_series_as_fit_into_its_time():
    backlog = [due(f"{n:02}", arrived=OLD + n) for n in range(20)]
    assert chosen(backlog) == [("00", "01", "02", "03"), ("04", "05", "06", "07")]
    slow = EMPTY._replace(seconds_per_slice=60)
    assert chosen(backlog, slow) == [("00",), ("01",)]  # at least one
    unknown = EMPTY._replace(seconds_per_slice=0)
    assert chosen(backlog, unknown) == [("00",), ("01",)]


def test_a_bite_has_series_of_one_priority():
    series = [due("a", priority=1), *(due(f"b{n}") for n in range(9))]
    assert [len(request) for request in chosen(series)] == [1, 4]


def test_what_may_have_killed_a_run_is_alone():
    study = [due("a", study="s"), due("b", study="s", alone=True), due("c", study="s")]
    queue = EMPTY._replace(ahead=9)
    assert sorted(chosen(study, queue)) == [("a", "c"), ("b",)]
    backlog = [due("a", arrived=0.0, alone=True), *(due(f"b{n}") for n in range(9))]
    assert chosen(backlog)[0] == ("a",)
    assert all("a" not in request for request in chosen(backlog)[1:])


@pytest.mark.parametrize(
    ("unsettled", "queued", "priority", "requests"),
    [
        (0, (), 0, 1),
        (1, (0,), 0, 1),
        (2, (0,), 0, 0),
        (2, (0,), 1, 1),
        (2, (), 1, 1),
        (2, (), 0, 0),
        (2, (1,), 1, 0),
        (2, (0, 1), 2, 1),
        (3, (0, 1), 2, 0),
        (300, (0,) * 299, 2, 0),
    ],
)
def test_one_request_beyond_for_a_higher_priority(unsettled, queued, priority, requests):
    queue = EMPTY._replace(unsettled=unsettled, queued=queued)
    assert len(choose([due("a", priority=priority)], queue, NOW)) == requests


@pytest.mark.parametrize("now", [-1e9, 0.0, NOW, 1e12])
def test_no_clock_loses_a_series(now):
    backlog = [due(f"{n}", arrived=n * 1000.0) for n in range(12)]
    left = set(backlog)
    for made in range(20):
        queue = EMPTY._replace(ahead=1, made=made, seconds_per_slice=2)
        taken = {name for request in choose(left, queue, now) for name in request.series}
        left = {item for item in left if item.series not in taken}
    assert not left


def test_the_primary_of_each_study_goes_first():
    def record(uid, study, *, primary=False):
        return SeriesRecord(study, uid, "", (), primary=primary, input_dir="/in")

    found = [record("a", "2"), record("b", "1"), record("c", "2", primary=True)]
    assert primary_first(found) == ("c", "a", "b")
    assert primary_first([]) == ()


def test_the_pace_follows_what_is_measured():
    assert averaged(0, 60, 30) == 2
    assert averaged(2, 120, 30) == pytest.approx(2.6)
    assert averaged(2, 5, 0) == 2


def test_a_series_hangs_after_ten_minutes_or_twenty_times_its_usual_time():
    assert hang_limit(30, 0, None) == 600
    assert hang_limit(30, 2, None) == 1200
    assert hang_limit(30, 2, 5.0) == 5
