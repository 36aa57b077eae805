"""Intervals of 95 %: Wilson for shares, DeLong for an AUC, percentiles for the bootstrap."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ich_resources.evaluation.curves import auc

Numbers = npt.NDArray[np.float64]
Z = 1.959963984540054
"""Quantile of the normal distribution at 97.5 %."""


@dataclass(frozen=True)
class Interval:
    """A value between two bounds of 95 %.

    Attributes
    ----------
    low, high : float
        The bounds.
    how : str
        The method: ``DeLong``, ``bootstrap over patients``, ``Wilson``.
    """

    low: float
    high: float
    how: str


@dataclass(frozen=True)
class Share:
    """A share with its Wilson interval.

    Attributes
    ----------
    hits, of : int
        Counts.
    value, low, high : float or None
        Share and interval; None where ``of`` is 0.
    """

    hits: int
    of: int
    value: float | None
    low: float | None
    high: float | None


def wilson(hits: int, of: int) -> Share:
    """Return a share with its Wilson interval.

    Parameters
    ----------
    hits, of : int
        Counts; 0 <= hits <= of.
    """
    from scipy.stats import binomtest

    if of == 0:
        return Share(hits, of, None, None, None)
    interval = binomtest(hits, of).proportion_ci(method="wilson")
    return Share(hits, of, hits / of, float(interval.low), float(interval.high))


def delong_variance(labels: Numbers, probabilities: Numbers) -> tuple[float, float]:
    """Return the variances of the two structural components of an AUC (DeLong 1988).

    Parameters
    ----------
    labels : float64 array, shape (n,)
        0 or 1; at least two of each.
    probabilities : float64 array, shape (n,)
        0..1.

    Returns
    -------
    of_positives, of_negatives : float
        The variance of the AUC is their sum, each divided by its number of cases.
    """
    from scipy.stats import rankdata

    positive, negative = probabilities[labels == 1], probabilities[labels == 0]
    m, n = len(positive), len(negative)
    ranks = rankdata(np.concatenate([positive, negative]))
    above = (ranks[:m] - rankdata(positive)) / n
    below = 1 - (ranks[m:] - rankdata(negative)) / m
    return float(above.var(ddof=1)), float(below.var(ddof=1))


def delong(labels: Numbers, probabilities: Numbers) -> Interval | None:
    """Return the DeLong interval of an AUC on the logit scale.

    Parameters
    ----------
    labels : float64 array, shape (n,)
        0 or 1.
    probabilities : float64 array, shape (n,)
        0..1.

    Returns
    -------
    Interval or None
        None where there are fewer than two positives or negatives, or where every positive stands
        above every negative or the reverse: the variance says nothing then.
    """
    area = auc(labels, probabilities)
    if area is None or area in (0.0, 1.0):
        return None
    positives = int((labels == 1).sum())
    of_positives, of_negatives = delong_variance(labels, probabilities)
    error = math.sqrt(of_positives / positives + of_negatives / (len(labels) - positives))
    center, reach = math.log(area / (1 - area)), Z * error / (area * (1 - area))
    return Interval(_expit(center - reach), _expit(center + reach), "DeLong")


def percentile(draws: Numbers, how: str = "bootstrap over patients") -> Interval | None:
    """Return the percentile interval of bootstrap draws.

    Parameters
    ----------
    draws : float64 array, shape (B,)
        NaN where a draw has no value.
    how : str
        Name of the method.

    Returns
    -------
    Interval or None
        None where fewer than half of the draws have a value, or all have the same.
    """
    found = draws[np.isfinite(draws)]
    if len(found) == 0 or 2 * len(found) < len(draws) or found.min() == found.max():
        return None
    low, high = np.percentile(found, [2.5, 97.5])
    return Interval(float(low), float(high), how)


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0
