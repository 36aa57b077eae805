"""Whether the values of a whole series can be HU: shares of its pixels against limits.

The rules look at shares, never at a single maximum, which one metal clip can set. Pixels of
PixelPaddingValue do not count. The *background* is one value that fills a part of the images: what
a program has set outside of the head, or padding that the header does not name. It is left out
where a rule asks for tissue.

The limits were measured on a real head and on the demo's phantom, both with metal, padding, a
background of one value, a removed skull, the noise of a bone kernel and thin slices.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    Attributes
    ----------
    measure : callable
        (counts) -> the measured share, 0..1.
    limit : float
        The share at which the rule begins to be broken.
    breaks : {"below", "above"}
        On which side of the limit the rule is broken.
    reason : str
        What a broken rule means, for people, with the remedy if there is one.
    """

    measure: Callable[[Counts], float]
    limit: float
    breaks: Literal["below", "above"]
    reason: str

    def broken_by(self, counts: Counts) -> bool:
        """Return whether a series breaks the rule.

        Parameters
        ----------
        counts : int64 array, shape (131072,)
            Pixels by HU of all slices of the series; see ``Counts``.
        """
        share = self.measure(counts)
        return share < self.limit if self.breaks == "below" else share > self.limit


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


def _share(counts: Counts, low: float, high: float) -> float:
    """Return the share of the pixels at low <= HU < high."""
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
    below = _share(rest, LOWEST_HU, -200)
    if at is None:
        return below
    shifted = _above_bone(rest, 1024)
    clean = at <= -900 or (at == 0 and shifted < 0.1)
    return max(below, _share(counts, at, at + 1)) if clean else below


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
    below = _share(rest, LOWEST_HU, -200)
    near = _share(rest, -1150, -800)
    return below if near < 0.05 * below else 0.0


RULES = (
    # Metal on an extended scale ends at 30,710 HU and fills much less.
    Rule(
        lambda counts: _share(counts, 10_000, HIGHEST_HU + 1),
        0.02,
        "above",
        "{:.1%} of the pixels lie above 10,000 HU: padding, or signed values that are labelled "
        "unsigned (then set dicom.mend_signed)",
    ),
    # Signed values of 16 bits that are read as unsigned; metal does not reach them.
    Rule(
        lambda counts: _share(counts, 60_000, HIGHEST_HU + 1),
        0.0005,
        "above",
        "{:.2%} of the pixels lie above 60,000 HU: wrapped at 65536 (set dicom.mend_signed)",
    ),
    # Air of -1024 to -796 HU that wrapped to 12 bits; metal of 12 bits ends at 3071 HU.
    Rule(
        lambda counts: _share(counts, 3072, 3300),
        0.01,
        "above",
        "{:.1%} of the pixels lie at 3072 to 3300 HU: wrapped at 4096 (set dicom.mend_12bit)",
    ),
    # Air surrounds a head, and fills its sinuses.
    Rule(
        air,
        0.0005,
        "below",
        "{:.2%} of the pixels are near air or below -200 HU: the intercept is wrong or missing",
    ),
    Rule(
        air_away,
        0.10,
        "above",
        "{:.1%} of the pixels lie below -200 HU, almost none near air: wrong slope or intercept",
    ),
    # With the intercept applied twice, air stands at -2024 HU.
    Rule(
        below_air,
        0.05,
        "above",
        "{:.1%} of the pixels lie below -1200 HU, where nothing is: the intercept is wrong, "
        "perhaps applied twice",
    ),
    # Half of the tissue of a head is brain; with the noise of a bone kernel a tenth stands out.
    Rule(
        brain,
        0.05,
        "below",
        "{:.1%} of the tissue stands out at 0 to 80 HU, where brain is: wrong rescale, or no head",
    ),
)
"""measured share -> limit -> fail, in the order in which they are told."""

FEWEST_GRAY_LEVELS = 20
"""A series with fewer gray levels gets a warning: its values are too coarse for the window, or the
window shows almost nothing. A narrow brain window over whole HU has more."""
LEVEL_SHARE = 1e-6
"""A gray level counts if it has at least this share of the pixels."""


def fault(counts: Counts) -> str:
    """Return why the values of a series are not HU; empty where they can be.

    Parameters
    ----------
    counts : int64 array
        The sum of ``count_values`` over its slices.
    """
    for rule in RULES:
        if rule.broken_by(counts):
            return rule.reason.format(rule.measure(counts))
    return ""


def gray_levels(images: Counts) -> int:
    """Return the number of gray levels between black and white.

    Parameters
    ----------
    images : int64 array, shape (256,)
        Pixels of each level.
    """
    inside = images[1:-1]
    return int((inside > LEVEL_SHARE * images.sum()).sum())
