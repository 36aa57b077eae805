"""Networks that are loaded in a thread, while other work goes on."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from ich_resources.backbones.checkpoint import CheckpointFile

_begun: list[threading.Event] = []
"""For each thread: set once it has loaded a network, or has ended."""


def wait_for_the_first() -> None:
    """Wait until each thread has loaded its first network, and so has imported every library.

    Call it before the libraries of networks are imported. If the main thread imports them too, it
    waits for Python's import lock. An interrupt that comes then may be dropped with the lock taken
    (in a callback of ``importlib``): both threads would wait for ever, and the run would not end.
    """
    for event in tuple(_begun):
        event.wait()


def load_ahead(
    files: Callable[[], Iterable[CheckpointFile]], load: Callable[[CheckpointFile], object]
) -> None:
    """Begin to load networks, one after the other, in a thread.

    The thread ends with the process: it loads no other network then. It raises no error: a later
    load of the same file raises it.

    Parameters
    ----------
    files : callable
        Finds the checkpoints, in that thread.
    load : callable
        Loads one, in that thread.
    """
    event = threading.Event()
    _begun[:] = [other for other in _begun if not other.is_set()] + [event]
    threading.Thread(target=_load_all, args=(files, load, event), name="loading networks").start()


def _load_all(
    files: Callable[[], Iterable[CheckpointFile]],
    load: Callable[[CheckpointFile], object],
    begun: threading.Event,
) -> None:
    # Also RuntimeError: the pool that reads takes no more while the process ends.
    try:
        with suppress(Exception):
            for file in files():
                if not threading.main_thread().is_alive():
                    return  # the program has ended and does not need them
                load(file)
                begun.set()
    finally:
        begun.set()
