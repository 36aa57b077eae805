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

from ich_resources.dicom.shares import HIGHEST_HU, Counts, air, air_away, below_air, brain, share_of


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


RULES = (
    # Metal on an extended scale ends at 30,710 HU and fills much less.
    Rule(
        lambda counts: share_of(counts, 10_000, HIGHEST_HU + 1),
        0.02,
        "above",
        "{:.1%} of the pixels lie above 10,000 HU: padding, or signed values that are labelled "
        "unsigned (then set dicom.mend_signed)",
    ),
    # Signed values of 16 bits that are read as unsigned; metal does not reach them.
    Rule(
        lambda counts: share_of(counts, 60_000, HIGHEST_HU + 1),
        0.0005,
        "above",
        "{:.2%} of the pixels lie above 60,000 HU: wrapped at 65536 (set dicom.mend_signed)",
    ),
    # Air of -1024 to -796 HU that wrapped to 12 bits; metal of 12 bits ends at 3071 HU.
    Rule(
        lambda counts: share_of(counts, 3072, 3300),
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
