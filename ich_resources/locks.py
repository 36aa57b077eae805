"""The one lock between processes: a file that one process holds at a time."""

import fcntl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive_lock(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock; other processes on this machine wait for it, or are refused.

    The lock ends with the process. On a file system without locks the block runs without one,
    after a warning.

    Parameters
    ----------
    path : Path
        The lock file; it and its folder are made if missing, and stay.
    wait : bool
        Whether to wait for the process that holds the lock.

    Raises
    ------
    BlockingIOError
        If another process holds the lock and ``wait`` is False.
    OSError
        If the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError as err:
            # Some cluster file systems are mounted without locks.
            warnings.warn(
                f"{path.parent} has no file locks ({err.strerror}): run one job at a time",
                stacklevel=4,
            )
        yield
