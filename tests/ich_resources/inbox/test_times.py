"""The times of a series: each moment once, and a result's time by a clock that nobody sets."""

from dataclasses import replace

import pytest

from ich_resources.arrivals import Arrival, SeriesTimes
from ich_resources.inbox.times import Moment, Moments, percentiles, this_moment, times_after

SERIES = Arrival("1.2", "1.1", state="arriving")
JUDGED = replace(SERIES, state="admitted", version="v")
REQUESTED = replace(JUDGED, requested_version="v", request_id="r")
RUNNING = replace(REQUESTED, state="running")
DONE = replace(RUNNING, state="done")
FAILED = replace(RUNNING, state="failed")


def at(seconds, wall=1000.0, boot="b"):
    return Moment(wall + seconds, boot, 50.0 + seconds)


def life(*steps):
    """Return the times after some steps: (arrival, what is known, the moment)."""
    times = None
    for arrival, known, now in steps:
        times = times_after(times, arrival, known, now)
    return times


ARRIVED = (SERIES, Moments(first_file=990.0), at(0))
BEGUN = (
    ARRIVED,
    (JUDGED, Moments(), at(60)),
    (REQUESTED, Moments(), at(70)),
    (RUNNING, Moments(started=1072.0), at(80)),
)


def test_each_moment_is_kept():
    times = life(*BEGUN, (DONE, Moments(started=5.0, result=1095.0), at(100)))
    assert times == SeriesTimes(
        "1.2", "v", "done", 990.0, 1060.0, 1070.0, 1072.0, 1095.0, 35.0, "b", 110.0
    )


@pytest.mark.parametrize(
    ("now", "result", "seconds"),
    [
        (at(100), 1095.0, 35.0),  # written five seconds before the tick
        (at(100, wall=4600.0), 4695.0, 40.0),  # the clock was set forward: the tick dates it
        (at(100, wall=-2600.0), -2505.0, 40.0),  # and back
        (at(100), 1900.0, 40.0),  # a file from the future
        (at(100), 3.0, 0.0),  # a result that was there before
        (Moment(1100.0, "next boot", 3.0), 1095.0, 35.0),
        (Moment(900.0, "next boot", 3.0), 895.0, None),  # nothing is known
        (Moment(1100.0), 1095.0, 35.0),
    ],
)
def test_a_clock_that_is_set_makes_no_false_time(now, result, seconds):
    assert life(*BEGUN, (DONE, Moments(result=result), now)).seconds == seconds


def test_a_new_version_begins_again_and_keeps_its_first_file():
    done = life(*BEGUN, (DONE, Moments(result=1095.0), at(100)))
    waiting = times_after(done, replace(DONE, state="arriving"), Moments(), at(200))
    assert waiting == replace(done, phase="arriving")
    again = replace(JUDGED, version="w", requested_version="v")
    assert times_after(waiting, again, Moments(), at(300)) == SeriesTimes(
        "1.2", "w", "due", 990.0, 1300.0, boot="b", uptime=350.0
    )


def test_the_same_files_again_change_no_time():
    done = life(*BEGUN, (DONE, Moments(result=1095.0), at(100)))
    for arrival in (replace(DONE, state="arriving"), REQUESTED, RUNNING, DONE):
        after = times_after(done, arrival, Moments(first_file=1200.0, result=1300.0), at(400))
        assert replace(after, phase="done") == done


def test_a_failed_series_has_an_end_and_no_time_to_a_result():
    failed = life(*BEGUN, (FAILED, Moments(started=1072.0), at(100)))
    assert (failed.done, failed.seconds) == (1100.0, None)
    by_hand = times_after(failed, DONE, Moments(result=9000.0), at(8100))
    assert (by_hand.done, by_hand.seconds) == (9000.0, None)


def test_a_repeated_run_is_requested_and_starts_later():
    due = replace(REQUESTED, requested_version="", state="admitted")
    times = life(*BEGUN, (due, Moments(), at(90)), (REQUESTED, Moments(), at(95)))
    assert (times.complete, times.requested, times.started) == (1060.0, 1095.0, None)


def test_of_a_series_with_a_result_from_before_nobody_knows_when_it_was_complete():
    times = times_after(None, DONE, Moments(1.0, None, 20.0), at(0))
    assert (times.first_file, times.complete, times.done, times.seconds) == (1.0, None, 20.0, None)


def test_percentiles_by_the_nearest_rank():
    assert percentiles([]) == {"series": 0}
    assert percentiles([3.04]) == {"series": 1, "p50": 3.0, "p95": 3.0}
    assert percentiles(map(float, range(100, 0, -1))) == {"series": 100, "p50": 50.0, "p95": 95.0}


def test_the_clocks_of_this_machine():
    first, second = this_moment(), this_moment()
    assert first.boot == second.boot != "" and first.uptime <= second.uptime
