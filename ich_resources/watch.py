"""A thread that ends this process if a block takes too long."""

import faulthandler
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EXIT_STATUS = 70
"""Exit status of a process that was ended so (EX_SOFTWARE)."""
GRACE_S = 30.0
"""After this time more the process ends, though no Python thread can run."""


@contextmanager
def ending_after(seconds: float, on_end: Callable[[], None]) -> Iterator[None]:
    """End this process at once if the block takes longer.

    Parameters
    ----------
    seconds : float
        The longest time, in seconds.
    on_end : callable
        Called before the end, in a thread of its own; it keeps the cause. An error in it changes
        nothing.
    """
    ended = threading.Event()

    def watch() -> None:
        if not ended.wait(seconds):
            try:
                on_end()
            finally:
                os._exit(EXIT_STATUS)

    threading.Thread(target=watch, name="watch", daemon=True).start()
    # A library in C that keeps the interpreter's lock stops the thread, and not this.
    faulthandler.dump_traceback_later(seconds + GRACE_S, exit=True)
    try:
        yield
    finally:
        ended.set()
        faulthandler.cancel_dump_traceback_later()
