"""The locks between processes: files that one process holds at a time.

``flock`` is an agreement among processes that ask for it. Between the machines of a cluster it
holds where the file system passes it on (docs/scaling.md, "Two runs on one RUN_ROOT").
"""

import fcntl
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_HELD: dict[tuple[int, str], int] = {}
"""How often each thread of this process holds each lock of ``reentrant_lock``."""


@contextmanager
def exclusive_lock(
    path: Path, *, wait: bool = True, on_wait: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold a lock; other processes wait for it, or are refused.

    The lock ends with the process. On a file system without locks the block runs without one,
    after a warning.

    Parameters
    ----------
    path : Path
        The lock file; it and its folder are made if missing, and stay.
    wait : bool
        Whether to wait for the process that holds the lock.
    on_wait : callable, optional
        Called once before the wait, if another process holds the lock.

    Raises
    ------
    BlockingIOError
        If another process holds the lock and ``wait`` is False.
    OSError
        If the file cannot be made.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            _lock(file, path, wait=wait, on_wait=on_wait)
            if not _is_still(file, path):
                continue  # somebody deleted the folder while we waited: its lock guards nothing
            yield
            return


@contextmanager
def reentrant_lock(
    path: Path, *, wait: bool = True, on_wait: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold a lock that this thread may hold already: a run holds it, and each of its steps again.

    Otherwise as ``exclusive_lock``.

    Parameters
    ----------
    path : Path
        The lock file; it and its folder are made if missing, and stay.
    wait : bool
        Whether to wait for another process or thread that holds the lock.
    on_wait : callable, optional
        Called once before the wait. It is not called where this thread holds the lock.

    Raises
    ------
    BlockingIOError
        If another process or thread holds the lock and ``wait`` is False.
    OSError
        If the file cannot be made.
    """
    key = threading.get_ident(), os.path.realpath(path)
    if key in _HELD:
        _HELD[key] += 1
        try:
            yield
        finally:
            _HELD[key] -= 1
        return
    with exclusive_lock(path, wait=wait, on_wait=on_wait):
        _HELD[key] = 1
        try:
            yield
        finally:
            del _HELD[key]


def _lock(
    file: IO[str], path: Path, *, wait: bool, on_wait: Callable[[], None] | None = None
) -> None:
    """Lock an open file, or warn that its file system has no locks.

    Raises
    ------
    BlockingIOError
        If another process holds the lock and ``wait`` is False.
    """
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise
            if on_wait is not None:
                on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
    except BlockingIOError:
        raise
    except OSError as err:
        # Some cluster file systems are mounted without locks.
        warnings.warn(
            f"{path.parent} has no file locks ({err.strerror}): run one job at a time",
            stacklevel=5,
        )


def _is_still(file: IO[str], path: Path) -> bool:
    """Return whether an open file is the one that has its name."""
    try:
        there = path.stat()
    except OSError:
        return False
    return os.path.samestat(os.fstat(file.fileno()), there)
