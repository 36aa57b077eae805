"""Which failed series are repeated: by code, by series, or all."""

from collections.abc import Collection, Iterable
from typing import NamedTuple


class Failed(NamedTuple):
    """A series that failed, or that has failed slices.

    Attributes
    ----------
    series : str
        SeriesInstanceUID.
    codes : frozenset of str
        Its reason codes.
    """

    series: str
    codes: frozenset[str]


def codes_in(*texts: str) -> frozenset[str]:
    """Return the reason codes in texts such as ``LOCALIZER x2, GANTRY_TILT``, without counts."""
    parts = (part.strip().partition(" ")[0] for text in texts for part in text.split(","))
    return frozenset(part for part in parts if part)


def to_repeat(
    failed: Iterable[Failed], codes: Collection[str] = (), series: Collection[str] = ()
) -> list[Failed]:
    """Return those that have one of the codes and are among the series.

    Parameters
    ----------
    failed : iterable of Failed
        All of them.
    codes : collection of str
        Reason codes; if empty, the code does not matter.
    series : collection of str
        SeriesInstanceUIDs; if empty, all.
    """
    return [
        item
        for item in failed
        if (not codes or item.codes.intersection(codes)) and (not series or item.series in series)
    ]
