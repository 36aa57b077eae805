"""How much a download may bring, and how long it may take."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import requests

from ich_resources.errors import FetchError
from ich_resources.weights.progress import megabytes


@dataclass(frozen=True)
class Limits:
    """Bounds of the downloads from one source.

    Attributes
    ----------
    most_bytes : int
        Of all files together.
    slowest_bytes, window_s : int, float
        So many bytes must come in so many seconds.
    answer_s : float
        Seconds for the head of an answer, redirects included.
    total_s : float
        Seconds for one file, all attempts included.
    """

    most_bytes: int = 4_000_000_000
    slowest_bytes: int = 300_000
    window_s: float = 60.0
    answer_s: float = 180.0
    total_s: float = 6 * 3600.0


def require_size(size: int, most: int, what: str, where: str) -> None:
    """Make sure that a file is not larger than what may still come.

    Parameters
    ----------
    size : int
        Bytes of the file.
    most : int
        Bytes that may still come.
    what : str
        Begins the error: what has so many bytes.
    where : str
        Address or path of the file, for the error.

    Raises
    ------
    FetchError
        If it is.
    """
    if size > most:
        raise FetchError(
            f"{what}, and at most {megabytes(most)} may come",
            path=where,
            remedy="check that the address leads to the release, or place the files by hand "
            "(docs/weights.md)",
        )


class Watch:
    """Looks at one answer from a thread of its own, and breaks it off where it is too slow.

    Reading waits for as long as bytes come, be it one a minute; so the reader cannot look itself.

    Attributes
    ----------
    why : str
        Why the answer was broken off; empty if it was not.
    """

    def __init__(self, answer: requests.Response, limits: Limits, end: float) -> None:
        self.why = ""
        self._answer, self._limits, self._end = answer, limits, end
        self._bytes = 0
        self._done = threading.Event()

    def came(self, number: int) -> None:
        """Take note of bytes."""
        self._bytes += number

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch until the block ends."""
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def _look(self) -> None:
        limits = self._limits
        while not self._done.wait(min(limits.window_s, max(self._end - time.monotonic(), 0.01))):
            came, self._bytes = self._bytes, 0
            if time.monotonic() >= self._end:
                self.why = f"the transfer took more than {limits.total_s:.0f} s"
            elif came < limits.slowest_bytes:
                self.why = f"only {megabytes(came)} came in {limits.window_s:.0f} s"
            if self.why:
                with suppress(OSError, ValueError):  # it ended at this moment
                    self._answer.raw.shutdown()
                return
