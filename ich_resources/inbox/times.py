"""The times of a series, decided from its state and plain facts: without Dagster or a disk.

A wall clock may be set while a series waits. So the time from complete to result is measured by a
clock that nobody sets (seconds since the boot), where both ends are of the same boot.
"""

import math
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ich_resources.arrivals import Arrival, SeriesTimes

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_JUMP_S = 2.0
"""If the two clocks differ by more than this many seconds, the wall clock was set."""
ENDED = ("done", "incomplete", "failed")
"""Phases in which a series has a result, or failed."""
DAY_S = 24 * 3600.0


class Moment(NamedTuple):
    """One moment by two clocks.

    Attributes
    ----------
    wall : float
        Seconds since 1970.
    boot : str
        Id of the boot of this machine; empty if the system does not say it.
    uptime : float
        Seconds since that boot.
    """

    wall: float
    boot: str = ""
    uptime: float = 0.0


class Moments(NamedTuple):
    """What the wall clock said, in seconds since 1970; None if it is not known.

    Attributes
    ----------
    first_file : float or None
        When the first file came.
    started : float or None
        When the run began that was requested last.
    result : float or None
        When the result was on disk.
    """

    first_file: float | None = None
    started: float | None = None
    result: float | None = None


def this_moment() -> Moment:
    """Return the present moment."""
    try:
        boot = _BOOT_ID.read_text().strip()
        uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError):  # not Linux
        return Moment(time.time())
    return Moment(time.time(), boot, uptime)


def phase_of(arrival: Arrival) -> str:
    """Return the phase of a series; a fault of the machine makes no difference to its times."""
    return arrival.phase()


def times_after(
    before: SeriesTimes | None, arrival: Arrival, known: Moments, now: Moment
) -> SeriesTimes:
    """Return the times of a series that was seen in another phase or version.

    Parameters
    ----------
    before : SeriesTimes or None
        Its times until now; None if it was never seen.
    arrival : Arrival
        The series.
    known : Moments
        What files and runs say.
    now : Moment
        The present moment: that of a change that nothing else dates.
    """
    phase = phase_of(arrival)
    new = before is None
    times = before or SeriesTimes(arrival.series_instance_uid, first_file=known.first_file)
    if arrival.version and arrival.version != times.version:
        # A series that is new and has its result was lost with an earlier index.
        seen = not (new and phase in ENDED)
        times = SeriesTimes(
            arrival.series_instance_uid,
            version=arrival.version,
            first_file=times.first_file,
            complete=now.wall if seen else None,
            boot=now.boot,
            uptime=now.uptime,
        )
    elif times.done is not None and times.phase != "failed":
        return replace(times, phase=phase)  # the same files came again: the result is the earlier
    if phase == "requested" and times.phase != "running":
        times = replace(times, requested=now.wall, started=None)
    if phase in ("running", *ENDED) and times.started is None:
        times = replace(times, started=known.started)
    if phase in ENDED:
        times = _ended(times, phase, known.result, now)
    return replace(times, phase=phase)


def _ended(times: SeriesTimes, phase: str, result: float | None, now: Moment) -> SeriesTimes:
    if phase == "failed" or result is None:
        return replace(times, done=now.wall)
    by_hand = times.phase == "failed"  # then nobody knows how long it lay there
    seconds = None if by_hand else _seconds(times, result, now)
    return replace(times, done=result, seconds=seconds)


def _seconds(times: SeriesTimes, result: float, now: Moment) -> float | None:
    """Return the time from complete to result, in seconds."""
    if times.complete is None:
        return None
    if not now.boot or now.boot != times.boot:
        return result - times.complete if result >= times.complete else None
    passed = now.uptime - times.uptime
    was_set = abs(now.wall - times.complete - passed) > _JUMP_S
    since = 0.0 if was_set else min(max(now.wall - result, 0.0), passed)
    return passed - since


def percentiles(seconds: Iterable[float]) -> dict[str, float]:
    """Return number, p50 and p95 of times, by the nearest rank; without values only the number.

    Parameters
    ----------
    seconds : iterable of float
        Times, in seconds.
    """
    ordered = sorted(seconds)
    found: dict[str, float] = {"series": len(ordered)}
    for share in (50, 95) if ordered else ():
        found[f"p{share}"] = round(ordered[math.ceil(len(ordered) * share / 100) - 1], 1)
    return found
