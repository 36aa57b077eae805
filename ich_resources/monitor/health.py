"""Whether all is well: one answer for people and for programs that restart or page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ich_resources.inbox.faults import PAUSED
from ich_resources.monitor.look import Limits, Look
from ich_resources.monitor.outbox import GIVEN_UP

OLDEST_LOOK_S = 120.0
"""A monitor that did not look for so many seconds is not well itself."""


@dataclass(frozen=True)
class State:
    """What the monitor knows at one moment.

    Attributes
    ----------
    look : Look
        What it found.
    look_age_s : float
        Seconds since then.
    services : mapping of str to bool
        Whether each service answers.
    messages : mapping of str to mapping of str to int
        Number of messages of each hook: waiting, and given up.
    """

    look: Look
    look_age_s: float
    services: Mapping[str, bool]
    messages: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def faults(state: State, limits: Limits) -> dict[str, str]:
    """Return what is wrong: a name, and a sentence without names of files or patients.

    Parameters
    ----------
    state : State
        What is known.
    limits : Limits
        How much is too much.
    """
    look, found = state.look, {}
    if state.look_age_s > OLDEST_LOOK_S:
        found["monitor"] = f"it has not looked for {state.look_age_s:.0f} s: a folder may hang"
    for name, answers in state.services.items():
        if not answers:
            found[name] = "it does not answer, or is not well"
    if look.unreadable:
        found["index"] = "the inbox index cannot be read"
    for code in look.stalls:
        found[f"inbox {code}"] = _STALLED.get(code, f"series wait because of {code}")
    found |= _disks(look, limits)
    for hook, counts in state.messages.items():
        if counts[GIVEN_UP]:
            found[f"hook {hook}"] = f"{counts[GIVEN_UP]} messages were given up"
    return found


def _disks(look: Look, limits: Limits) -> dict[str, str]:
    found = {f"disk of {name}": "the folder is away" for name in look.away}
    for name, free in look.free.items():
        if free < limits.free_bytes:
            found[f"disk of {name}"] = f"only {free / 1e9:.1f} GB are free"
    return found


_STALLED = {
    "NO_TICK": "no tick of the sensor has ended for too long",
    "WAITING": "a complete series has waited for too long",
}


def answer(state: State, limits: Limits) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status, 200 or 503, and the JSON values of ``/healthz``.

    Parameters
    ----------
    state : State
        What is known.
    limits : Limits
        How much is too much.
    """
    found, look = faults(state, limits), state.look
    inbox = look.inbox
    return (503 if found else 200), {
        "healthy": not found,
        "faults": found,
        "services": dict(state.services),
        "last_tick_seconds": _rounded(look.tick_age_s),
        "oldest_waiting_seconds": _rounded(look.waits_s),
        "paused": inbox is not None and inbox.cause is not None and inbox.cause.code == PAUSED,
        "series": {} if inbox is None else dict(inbox.phases),
        "failures": {} if inbox is None else dict(inbox.failures),
        "seconds_to_result": {} if inbox is None else inbox.to_result,
        "free_bytes": dict(look.free),
        "messages": {hook: dict(counts) for hook, counts in state.messages.items()},
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
