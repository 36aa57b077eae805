"""Faults of the machine: which one stands, and how long no run is requested because of it."""

from collections.abc import Iterable
from typing import NamedTuple

from ich_resources.arrivals import Cause

CAUSE_NOTE = "cause"
"""Name of the note of the index that holds the fault that stands."""
PAUSED = "PAUSED"
"""Code of the cause that somebody sets by hand."""
FIRST_WAIT_S, LONGEST_WAIT_S = 10.0, 300.0
"""How long the sensor waits after a run has met a fault of the machine: doubled each time."""


class Fault(NamedTuple):
    """A fault of the machine that a run has met: its code, a sentence, the id of the run."""

    code: str
    sentence: str
    run: str


def cause_after(
    before: Cause | None, faults: Iterable[Fault], *, progress: bool, now: float
) -> Cause | None:
    """Return the fault of the machine that stands after some runs were looked at.

    Parameters
    ----------
    before : Cause or None
        The one that stood.
    faults : iterable of Fault
        Those that runs have met. A run that holds several series meets one fault only.
    progress : bool
        Whether a run came further than a fault of the machine lets it come.
    now : float
        The time, in seconds since 1970.
    """
    met = {fault.run: fault for fault in faults}
    if not met:
        return None if progress and (before is None or before.run) else before
    cause = before
    for fault in met.values():
        if cause is None or cause.run != fault.run:
            since, times = (now, 0) if cause is None else (cause.since, cause.times)
            cause = Cause(fault.code, fault.sentence, since, now, times + 1, fault.run)
    return cause


def cause_seen(before: Cause | None, seen: tuple[str, str] | None, now: float) -> Cause | None:
    """Return the fault of the machine that stands after the sensor has looked for itself.

    Parameters
    ----------
    before : Cause or None
        The one that stood.
    seen : tuple of str or None
        Code and sentence of what the sensor sees; None if it sees nothing wrong.
    now : float
        The time, in seconds since 1970.
    """
    if seen is None:
        return before if before is not None and before.run else None
    code, sentence = seen
    if before is not None and (before.run, before.code, before.sentence) == ("", code, sentence):
        return before
    return Cause(code, sentence, now if before is None else before.since, now)


def seconds_to_wait(cause: Cause | None, now: float) -> float:
    """Return how long no run is requested because of a fault of the machine, in seconds.

    Parameters
    ----------
    cause : Cause or None
        The one that stands.
    now : float
        The time, in seconds since 1970. If the clock was set back, the wait is over.

    Returns
    -------
    float
        0 if one run may find out whether the fault still stands; infinite as long as the sensor
        itself sees it.
    """
    if cause is None:
        return 0.0
    if not cause.run:
        return float("inf")
    wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(cause.times - 1, 10))
    passed = now - cause.met
    return 0.0 if passed < 0 else max(0.0, wait - passed)
