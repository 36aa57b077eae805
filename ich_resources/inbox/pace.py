"""How fast this RUN_ROOT scores slices, and how long a series may take at most."""

_SHARE_OF_LAST = 0.3
LEAST_HANG_S = 600.0
HANG_FACTOR = 20
"""A series may take so many times as long as its slices take on average."""


def averaged(before: float, seconds: float, slices: int) -> float:
    """Return the seconds per slice after one more series: a moving average.

    Parameters
    ----------
    before : float
        The average before, in seconds; 0 where nothing was measured yet.
    seconds : float
        What all steps of the series took together, in seconds.
    slices : int
        Number of its slices.
    """
    if slices < 1 or seconds <= 0:
        return before
    last = seconds / slices
    return last if before <= 0 else (1 - _SHARE_OF_LAST) * before + _SHARE_OF_LAST * last


def hang_limit(slices: int, seconds_per_slice: float, given: float | None) -> float:
    """Return after how many seconds the run of a series is taken for hung.

    Parameters
    ----------
    slices : int
        Number of slices of the largest series of the run.
    seconds_per_slice : float
        As measured; 0 where nothing was measured yet.
    given : float or None
        What the configuration says, if it says anything.
    """
    if given is not None:
        return given
    return max(LEAST_HANG_S, HANG_FACTOR * slices * seconds_per_slice)
