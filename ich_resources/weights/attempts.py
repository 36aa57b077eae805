"""Attempts to fetch a file: again after a while, as long as new bytes come."""

import time
from collections.abc import Callable, Sequence

from ich_resources.errors import FetchError
from ich_resources.weights.release import UNREACHABLE
from ich_resources.weights.web import Address, InterruptedTransferError

WAITS_S = (1.0, 3.0, 9.0, 20.0)
"""Seconds to wait before each further attempt. Attempts that bring new bytes do not count."""
FIRST_WAITS = 2
"""How many of these waits the first small file gets, so that a missing network is reported soon."""


def repeat(
    attempt: Callable[[], object],
    reached: Callable[[], int],
    address: Address,
    patience: tuple[Sequence[float], float],
    say: Callable[[str], None],
) -> None:
    """Try until an attempt brings the whole file.

    Parameters
    ----------
    attempt : callable
        Raises InterruptedTransferError where another attempt may bring more.
    reached : callable
        Returns the number of bytes that are here.
    address : Address
        Where the file is; an error names it.
    patience : (sequence of float, float)
        Seconds before each further attempt without new bytes, and the moment of the monotonic clock
        after which no attempt begins.
    say : callable
        Called with a line before each further attempt.

    Raises
    ------
    FetchError
        If the last attempt fails.
    """
    waits, end = patience
    furthest, failures = reached(), 0
    while True:
        try:
            attempt()
        except InterruptedTransferError as err:
            why = str(err)
        else:
            return
        if reached() > furthest:
            furthest, failures = reached(), 0
        if time.monotonic() >= end:
            break
        if failures == len(waits):
            why = f"{why} ({failures + 1} attempts)"
            break
        say(f"  {why}; again in {waits[failures]:.0f} s")
        time.sleep(waits[failures])
        failures += 1
    raise FetchError(why, path=address.display_name, code=UNREACHABLE)
