"""A series is complete after its quiet time, or once somebody says so."""

import pytest

from ich_resources.inbox.growth import OpenSeries, seconds_left

SEEN = 1000.0


def left(*folders, now=SEEN + 10, quiet=60.0, unread=(), markers=None, files=3):
    """Seconds left for a series whose last file came at 1000 s."""
    series = OpenSeries("1.2", "1.1", files, SEEN, frozenset(folders or ["a"]))
    return seconds_left(
        series, now=now, quiet_seconds=quiet, unread_folders=set(unread), markers=markers or {}
    )


@pytest.mark.parametrize(
    ("now", "seconds"),
    [(SEEN, 60), (SEEN + 59.5, 0.5), (SEEN + 60, 0), (SEEN + 9999, 0), (SEEN - 5, 65)],
)
def test_quiet_time_runs_from_the_last_file(now, seconds):
    assert left(now=now) == seconds


def test_without_a_quiet_time_a_series_is_complete_at_once():
    assert left(now=SEEN, quiet=0.0) == 0


@pytest.mark.parametrize(("quiet", "seconds"), [(60.0, 60.0), (0.0, 1.0)])
def test_an_unread_file_in_its_folder_keeps_a_series_waiting(quiet, seconds):
    assert left("a", now=SEEN + 9999, quiet=quiet, unread=["a"]) == seconds


@pytest.mark.parametrize("unread", ["b", "", "a/b", "aa", "x/a"])
def test_an_unread_file_elsewhere_blocks_nothing(unread):
    assert left("a", now=SEEN + 60, unread=[unread]) == 0


def test_one_unread_folder_of_several_is_enough():
    assert left("a", "b", now=SEEN + 9999, unread=["b"]) == 60
    assert left("a", "b", unread=["b"], markers={"a": SEEN, "b": SEEN}) == 60


def test_a_series_without_a_file_is_not_complete():
    assert left(files=0, now=SEEN + 9999) == 60


@pytest.mark.parametrize("folder", ["a", "a/b", "a/b/c"])
def test_a_marker_in_the_folder_or_one_above_completes_at_once(folder):
    assert left("a/b/c", now=SEEN, markers={folder: SEEN + 1}) == 0


@pytest.mark.parametrize("folder", ["", "b", "a/b/c/d", "a/bb", "b/c", "c"])
def test_a_marker_in_another_folder_or_the_inbox_itself_says_nothing(folder):
    assert left("a/b/c", markers={folder: SEEN + 1}) == 50


def test_a_marker_in_the_inbox_itself_counts_for_the_files_that_lie_there():
    assert left("", markers={"": SEEN + 1}) == 0
    assert left("", "a", markers={"": SEEN + 1}) == 50


def test_a_marker_older_than_the_last_file_does_not_count():
    assert left("a", markers={"a": SEEN - 0.001}) == 50
    assert left("a", markers={"a": SEEN}) == 0


def test_the_newest_marker_above_a_folder_counts():
    assert left("a/b", markers={"a": SEEN - 1, "a/b": SEEN + 1}) == 0
    assert left("a/b", markers={"a": SEEN + 1, "a/b": SEEN - 1}) == 0


def test_every_folder_of_a_series_needs_a_marker():
    assert left("a/1", "a/2", markers={"a/1": SEEN + 1}) == 50
    assert left("a/1", "a/2", markers={"a/1": SEEN + 1, "a/2": SEEN - 1}) == 50
    assert left("a/1", "a/2", markers={"a/1": SEEN + 1, "a/2": SEEN + 1}) == 0
    assert left("a/1", "a/2", markers={"a": SEEN + 1}) == 0
