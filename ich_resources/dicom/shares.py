"""Shares of the pixels of a whole series: near air, below air, at brain, beside a background."""

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
"""Pixels of each HU from ``LOWEST_HU`` on; values beyond the ends count at the ends."""
LOWEST_HU, HIGHEST_HU = -32768, 98303
"""Range of the counts, in HU: 16 bits with an intercept."""
BACKGROUND = 0.10
"""One value with at least this share of the pixels is the background, if it stands alone."""
STANDS_ALONE = 0.25
"""The values beside the background hold at most this part of it. Air with noise does not."""
CLEAR_BRAIN = 0.15
"""With this share of ``brain`` the intercept is not wrong. A real head has 0.56, with the noise of
a bone kernel 0.18; with the intercept applied twice 0.03, or 0.12 in slices of bone alone."""
PEAK = 0.01
"""Below air, single values with at least this share are padding."""


def count_values(
    hu: npt.NDArray[np.float64], padding: npt.NDArray[np.bool_] | None = None
) -> Counts:
    """Count the pixels of a slice by HU.

    Parameters
    ----------
    hu : float64 array, shape (H, W)
        HU; finite.
    padding : bool array, shape (H, W), optional
        Pixels that do not count.

    Returns
    -------
    int64 array, shape (131072,)
        See ``Counts``. Counts of slices can be added.
    """
    values = hu.ravel() if padding is None else hu[~padding]
    bins = np.rint(np.clip(values, LOWEST_HU, HIGHEST_HU)).astype(np.int64) - LOWEST_HU
    return np.bincount(bins, minlength=HIGHEST_HU - LOWEST_HU + 1)


def share_of(counts: Counts, low: float, high: float) -> float:
    """Return the share of the pixels at low <= HU < high.

    Parameters
    ----------
    counts : int64 array, shape (131072,)
        Pixels by HU; see ``Counts``.
    low, high : float
        Limits in HU.
    """
    total = int(counts.sum())
    return int(_part(counts, low, high).sum()) / total if total else 0.0


def _part(counts: Counts, low: float, high: float) -> Counts:
    first = max(int(low) - LOWEST_HU, 0)
    return counts[first : max(min(int(high) - LOWEST_HU, len(counts)), first)]


def background(counts: Counts) -> int | None:
    """Return the HU of the background, None where there is none.

    Parameters
    ----------
    counts : int64 array, shape (131072,)
        Pixels by HU; see ``Counts``.
    """
    at = int(counts.argmax())
    total, count = int(counts.sum()), int(counts[at])
    beside = [int(counts[i]) for i in (at - 1, at + 1) if 0 <= i < len(counts)]
    alone = max(beside) <= STANDS_ALONE * count
    return at + LOWEST_HU if total and count >= BACKGROUND * total and alone else None


def _without_background(counts: Counts) -> Counts:
    at = background(counts)
    if at is None:
        return counts
    rest = counts.copy()
    rest[at - LOWEST_HU] = 0
    return rest


def air(counts: Counts) -> float:
    """Return the share near air or below -200 HU.

    A background at -900 HU or below counts as air. So does a background of 0 HU, as around a head
    whose skull was removed, unless much lies where brain would be with 1024 HU too many. Another
    background is not air.

    Parameters
    ----------
    counts : int64 array, shape (131072,)
        Pixels by HU; see ``Counts``.
    """
    at, rest = background(counts), _without_background(counts)
    below = share_of(rest, LOWEST_HU, -200)
    if at is None:
        return below
    shifted = _above_bone(rest, 1024)
    clean = at <= -900 or (at == 0 and shifted < 0.1)
    return max(below, share_of(counts, at, at + 1)) if clean else below


def brain(counts: Counts) -> float:
    """Return the share of tissue at 0 to 80 HU that stands out from bone; see ``_above_bone``.

    Parameters
    ----------
    counts : int64 array, shape (131072,)
        Pixels by HU; see ``Counts``. The background does not count.
    """
    return _above_bone(_without_background(counts), 0)


def _above_bone(counts: Counts, low: float) -> float:
    """Return the share of tissue (above -200 HU) within 80 HU that is more than a part of bone.

    Bone is spread over a thousand HU, evenly; brain is not. So the share of 80 HU is compared with
    that of 240 HU above it.
    """
    tissue = int(_part(counts, -200, 10_000).sum())
    here = int(_part(counts, low, low + 81).sum())
    beyond = int(_part(counts, low + 150, low + 393).sum())
    return max(here - beyond / 3, 0.0) / tissue if tissue else 0.0


def below_air(counts: Counts) -> float:
    """Return the share below -1200 HU that is not padding of one value; 0 where brain stands out.

    Padding may have noise, as after a filter. Then the brain says that the values are HU.

    Parameters
    ----------
    counts : int64 array, shape (131072,)
        Pixels by HU; see ``Counts``.
    """
    if brain(counts) >= CLEAR_BRAIN:
        return 0.0
    low = _part(counts, LOWEST_HU, -1200)
    total = int(counts.sum())
    return int(low[low < PEAK * total].sum()) / total if total else 0.0


def air_away(counts: Counts) -> float:
    """Return the share below -200 HU, without the background, of which none is near air.

    Parameters
    ----------
    counts : int64 array, shape (131072,)
        Pixels by HU; see ``Counts``.
    """
    rest = _without_background(counts)
    below = share_of(rest, LOWEST_HU, -200)
    near = share_of(rest, -1150, -800)
    return below if near < 0.05 * below else 0.0
