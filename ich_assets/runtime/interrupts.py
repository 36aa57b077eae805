"""Ctrl-C, a termination from the UI and scancel end a batch at any moment."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import DagsterExecutionInterruptedError

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts_end_the_batch() -> Iterator[None]:
    """Raise an interrupt that came during an inner run, after that run has reported its end.

    Dagster treats an interrupt inside a step as a failure of the inner run. It drops one that comes
    between two steps. Without this the batch would go on with the next series.

    Raises
    ------
    DagsterExecutionInterruptedError
        If SIGINT or SIGTERM came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals go to the main thread
        return
    # Dagster replaces the signal handlers. Python writes to this descriptor with any handler.
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
