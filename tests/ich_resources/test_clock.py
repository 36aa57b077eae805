"""Moments as text."""

from datetime import UTC, datetime

from ich_resources.clock import iso_now, iso_time


def test_a_moment_is_told_in_utc_to_the_second():
    assert iso_time(0) == "1970-01-01 00:00:00+00:00"
    assert iso_time(86399.9) == "1970-01-01 23:59:59+00:00"


def test_now_lies_between_before_and_after():
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= datetime.fromisoformat(iso_now()) <= datetime.now(UTC)
