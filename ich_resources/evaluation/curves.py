"""ROC curve and the area under it (AUC)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
FEWEST = 2
"""Fewest positives, and fewest negatives, that an AUC is given for."""

MOST_POINTS = 2000
"""Most points of a curve; more cannot be seen."""


@dataclass(frozen=True)
class Roc:
    """A ROC curve.

    Attributes
    ----------
    false_positive_rate, true_positive_rate, thresholds : tuple of float
        From (0, 0) to (1, 1); at or above a threshold a case counts as positive. The first
        threshold is above every probability.
    """

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    thresholds: tuple[float, ...]


def enough(labels: Numbers) -> bool:
    """Return whether there are at least two positives and two negatives.

    Parameters
    ----------
    labels : float64 array, shape (n,)
        0 or 1, without NaN.
    """
    positives = int((labels == 1).sum())
    return positives >= FEWEST and len(labels) - positives >= FEWEST


def roc(labels: Numbers, probabilities: Numbers) -> Roc | None:
    """Return the ROC curve, None where there are fewer than two positives or negatives.

    Parameters
    ----------
    labels : float64 array, shape (n,)
        0 or 1.
    probabilities : float64 array, shape (n,)
        0..1.
    """
    from sklearn.metrics import roc_curve

    if not enough(labels):
        return None
    fpr, tpr, thresholds = roc_curve(labels, probabilities)
    kept = np.unique(np.linspace(0, len(fpr) - 1, MOST_POINTS).round().astype(int))
    fpr, tpr, thresholds = fpr[kept], tpr[kept], thresholds[kept]
    thresholds[0] = max(1.0, float(np.nextafter(probabilities.max(), 2)))
    return Roc(tuple(fpr.tolist()), tuple(tpr.tolist()), tuple(thresholds.tolist()))


def auc(labels: Numbers, probabilities: Numbers) -> float | None:
    """Return the area under the ROC curve, None where there are too few cases: never 0.5.

    Parameters
    ----------
    labels : float64 array, shape (n,)
        0 or 1.
    probabilities : float64 array, shape (n,)
        0..1.

    Returns
    -------
    float or None
        The share of pairs in which the positive stands higher; a tie counts half.
    """
    if not enough(labels):
        return None
    return SortedClass(labels, probabilities).auc(np.ones(len(labels)))


class SortedClass:
    """The cases of one class in order of probability, for many AUCs with different weights.

    Parameters
    ----------
    labels : float64 array, shape (n,)
        0 or 1; at least one.
    probabilities : float64 array, shape (n,)
        0..1.
    """

    def __init__(self, labels: Numbers, probabilities: Numbers) -> None:
        self._order = np.argsort(probabilities, kind="stable")
        ordered = probabilities[self._order]
        self._starts = np.flatnonzero(np.r_[True, np.diff(ordered) > 0])
        self._positive = labels[self._order]

    def auc(self, weights: Numbers) -> float:
        """Return the AUC of weighted cases; NaN where no positive or no negative has a weight.

        Parameters
        ----------
        weights : float64 array, shape (n,)
            How often each case counts, in the order of the labels.
        """
        ordered = weights[self._order]
        positive = ordered * self._positive
        tied_positive = np.add.reduceat(positive, self._starts)
        tied_negative = np.add.reduceat(ordered - positive, self._starts)
        below = np.cumsum(tied_negative)
        pairs = tied_positive.sum() * below[-1]
        if pairs == 0:
            return float("nan")
        return float((tied_positive * (below - tied_negative / 2)).sum() / pairs)
