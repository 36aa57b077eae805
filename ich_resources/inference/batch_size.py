"""The number of slices per network pass that fits into the memory of the device."""

import json
import threading
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path

from ich_resources.whole_files import write_whole


class BatchLimit:
    """The number of slices per pass. It shrinks if they do not fit, for all later series.

    Parameters
    ----------
    size : int
        Slices per pass, at least 1.
    on_shrink : callable, optional
        Called with each new, smaller batch size.
    """

    def __init__(self, size: int, on_shrink: Callable[[int], None] | None = None) -> None:
        self.size = size
        self._on_shrink = on_shrink
        self._lock = threading.Lock()

    def shrink(self, size: int) -> None:
        """Reduce the size. A larger size has no effect: several devices may shrink it at once."""
        with self._lock:
            if size < self.size:
                self.size = size
                message = f"out of GPU memory: {size} slices per pass from now on"
                warnings.warn(message, stacklevel=3)
                if self._on_shrink is not None:
                    self._on_shrink(size)


def largest_that_fits(fits: Callable[[int], bool], most: int) -> int:
    """Find the largest batch size that fits, by doubling and then bisection.

    Parameters
    ----------
    fits : callable
        Tries a size. If a size does not fit, no larger size fits.
    most : int
        Upper limit of the result (docs/reference.md, section 4: 128).

    Returns
    -------
    int
        0 if not even one slice fits.
    """
    low, high = 0, 1
    while high <= most and fits(high):
        low, high = high, min(high * 2, most) if high < most else most + 1
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


_LIMITS: dict[str, BatchLimit] = {}


def batch_limit(
    key: str, find: Callable[[], int], cache: "BatchSizeCache | None" = None, most: int = 0
) -> BatchLimit:
    """Return the limit for a machine and an ensemble.

    It comes from this process, else from the cache, else from ``find``.

    Parameters
    ----------
    key : str
        Text that names everything the size depends on.
    find : callable
        Finds the size if neither this process nor the cache has it.
    cache : BatchSizeCache, optional
        Stores the size, and each smaller size, for other processes.
    most : int
        A larger size in the cache is ignored.
    """
    if key not in _LIMITS:
        kept = cache.get(key, most) if cache is not None else None
        size = kept or find()
        if cache is not None and not kept:
            cache.put(key, size)
        _LIMITS[key] = BatchLimit(size, None if cache is None else lambda new: cache.put(key, new))
    return _LIMITS[key]


class BatchSizeCache:
    """Batch sizes in a JSON file, by key.

    Parameters
    ----------
    path : Path or None
        The file; None for no cache. If it is damaged or cannot be written, each process searches
        the size again.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def get(self, key: str, most: int) -> int | None:
        """Return a cached size between 1 and ``most``, or None."""
        size = self._read().get(key)
        return size if isinstance(size, int) and 1 <= size <= most else None

    def put(self, key: str, size: int) -> None:
        """Store a size. The file is replaced as a whole, or stays unchanged."""
        if self._path is None:
            return
        content = json.dumps(self._read() | {key: size}, indent=2, sort_keys=True) + "\n"
        try:
            write_whole(self._path, content.encode(), f".{self._path.name}-{uuid.uuid4().hex}")
        except OSError as err:
            warnings.warn(
                f"cannot write the batch size to {self._path} ({err.strerror}): set "
                "networks.batch_size_cache to a file that you may write, or to off",
                stacklevel=2,
            )

    def _read(self) -> dict[str, object]:
        if self._path is None:
            return {}
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
