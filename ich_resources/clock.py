"""Moments as text."""

from datetime import UTC, datetime


def iso_time(seconds: float) -> str:
    """Return a time in seconds since 1970 as text, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")


def iso_now() -> str:
    """Return the current time as text, in UTC."""
    return datetime.now(UTC).isoformat(" ", "seconds")
