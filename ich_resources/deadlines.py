"""A call that may take too long is given up."""

import threading
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def in_time(call: Callable[[], _T], seconds: float) -> _T:
    """Return what a call returns, or give up on it.

    Parameters
    ----------
    call : callable
        It runs in a thread of its own.
    seconds : float
        The longest time, in seconds.

    Raises
    ------
    TimeoutError
        If it takes longer. A later result is dropped.
    """
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as err:  # noqa: BLE001 - raised again below
            errors.append(err)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]
