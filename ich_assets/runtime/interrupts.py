"""Ctrl-C, a termination from the UI and scancel end a batch, whichever moment they come at."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dagster._core.errors import DagsterExecutionInterruptedError

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts_end_the_batch() -> Iterator[None]:
    """Raise the interrupt that came during an inner run, once that run has said how it ended.

    Dagster takes an interrupt inside a step for a failure of the inner run alone, and forgets one
    that comes between its steps: the batch would go on with the next series.

    Raises
    ------
    dagster.DagsterExecutionInterruptedError
        If SIGINT or SIGTERM came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals go to the main thread
        return
    # Dagster replaces the handlers; what Python writes here it writes whoever handles the signal.
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        came = _read(reader)
        os.close(reader)
        os.close(writer)
    if any(number in came for number in _INTERRUPTS):
        raise DagsterExecutionInterruptedError


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 4096)
    except BlockingIOError:
        return b""
