"""``worklist.html``: all series of a run root on one page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.pages.filling import fill
from ich_resources.pages.pictures import shares

MOST_PICTURES = 1000
"""Above this number of scored series the page has no pictures, but links to the series pages."""
_TOP = 3


def probabilities_of(values: FloatArray) -> dict[str, Any]:
    """Return what a row of the page says of the probabilities of a series.

    Parameters
    ----------
    values : float32 array, shape (N, 6)
        As the tables show them.

    Returns
    -------
    dict
        ``p``, the highest of each class (P(any) exactly, so that a threshold counts as in the
        tables); ``k``, the slice of the highest P(any); ``t3``, the mean of its three highest
        values; ``c``, P(any) along the series, 16 bits each in base64.
    """
    highest = values.max(axis=0).astype(np.float64)
    along = values[:, ANY]
    rounded = [round(p, 4) for p in highest.tolist()]
    return {
        "p": [float(highest[ANY]), *rounded[1:]],
        "k": int(along.argmax()),
        "t3": round(float(np.sort(along)[-_TOP:].mean()), 4),
        "c": shares(along),
    }


def worklist_page(
    rows: Sequence[Mapping[str, Any]],
    unscored: Sequence[Mapping[str, Any]],
    pictures: Mapping[str, Mapping[str, Any]],
    said: Mapping[str, Any],
) -> bytes:
    """Return the page: HTML, one file that asks for nothing but itself.

    Parameters
    ----------
    rows : sequence of mapping
        For each series: ``u``, ``y`` (UIDs of series and study), ``d`` (description), ``s``
        (state), ``m`` (whether the scan chose it to stand for its study), ``f`` (what makes the
        number doubtful), ``e`` (what an earlier number is; left out for a current one), ``n``
        (slices found, scored, refused, failed, waiting), ``r`` (remarks), ``w`` (reason codes),
        ``t`` (seconds), ``x`` (whether the threshold was chosen for other networks); for a series
        with a number also ``page`` (whether it has a page), ``q`` (whether it is calibrated), ``g``
        (P(any) of each checkpoint on the slice ``k``, by backbone, or None), and the values of
        ``probabilities_of``.
    unscored : sequence of mapping
        Files without a probability, grouped: ``n``, ``state``, ``code``, ``reason``, ``path``,
        ``series``.
    pictures : mapping of str to mapping
        By SeriesInstanceUID; see ``preview``.
    said : mapping
        ``summary``, ``written`` (when, or empty), ``banners``, ``remark``, ``unscoredWords``,
        ``threshold`` (or None), ``rule``, and ``about``, pairs of a title and values.
    """
    data = {**said, "classes": list(CLASSES), "rows": rows, "unscored": unscored}
    return fill("worklist.html", {**data, "pictures": pictures})
