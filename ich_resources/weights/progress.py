"""Lines that report the progress of a long transfer."""

import time
from collections.abc import Callable

INTERVAL_S = 10.0
"""Seconds between two lines."""


class Progress:
    """Reports the size of one file, and then its progress, at most once in ``interval`` seconds.

    Parameters
    ----------
    name : str
        Name of the file.
    say : callable
        Called with one line of text.
    interval : float
        Seconds between two lines.
    clock : callable
        Returns the time in seconds.
    """

    def __init__(
        self,
        name: str,
        say: Callable[[str], None],
        interval: float = INTERVAL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._clock = clock
        self.say = say
        self._interval = interval
        self._begun: tuple[float, int] | None = None
        self._said = 0.0

    def update(self, done: int, total: int | None) -> None:
        """Report that ``done`` of ``total`` bytes are transferred (None: not known)."""
        now = self._clock()
        if self._begun is None and total:
            self.say(f"  {self._name}: {megabytes(total)}")
        if self._begun is None or done < self._begun[1]:
            self._begun, self._said = (now, done), now
        if now - self._said < self._interval:
            return
        self._said = now
        speed = (done - self._begun[1]) / max(now - self._begun[0], 1e-3)
        text = f"  {self._name}: {megabytes(done)}"
        if total:
            left = f", {(total - done) / speed:.0f} s left" if speed else ""
            text += f" of {megabytes(total)} ({100 * done // total} %), {megabytes(speed)}/s{left}"
        self.say(text)


def megabytes(number: float) -> str:
    """Return a number of bytes as text, such as ``12.3 MB``."""
    if number < 1e6:
        return f"{number / 1e3:.0f} kB" if number >= 1e3 else f"{number:.0f} bytes"
    return f"{number / 1e6:.1f} MB" if number < 1e9 else f"{number / 1e9:.2f} GB"
