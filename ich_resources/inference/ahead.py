"""Networks that are loaded in a thread, while other work goes on."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from ich_resources.backbones.checkpoint import CheckpointFile


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
    threading.Thread(target=_load_all, args=(files, load), name="loading networks").start()


def _load_all(
    files: Callable[[], Iterable[CheckpointFile]], load: Callable[[CheckpointFile], object]
) -> None:
    # Also RuntimeError: the pool that reads takes no more while the process ends.
    with suppress(Exception):
        for file in files():
            if not threading.main_thread().is_alive():
                return  # the program has ended and does not need them
            load(file)
