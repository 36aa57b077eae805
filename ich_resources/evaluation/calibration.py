"""How well probabilities fit frequencies: reliability, ECE, slope; temperature and isotonic."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ich_resources.errors import IchError
from ich_resources.evaluation.cases import Cases, class_values
from ich_resources.evaluation.curves import enough
from ich_resources.evaluation.intervals import Share, wilson
from ich_resources.hemorrhage import CLASSES

Numbers = npt.NDArray[np.float64]
Kind = Literal["temperature", "isotonic"]
BINS = 10
_LOG_LIMITS = (math.log(0.05), math.log(20.0))
"""Bounds of the logarithm of a temperature."""
_FLOOR = 1e-7
"""Probabilities are kept this far from 0 and 1 where a logit is taken; float32 has no more."""


@dataclass(frozen=True)
class Bin:
    """The cases of one bin of probabilities.

    Attributes
    ----------
    mean : float
        Mean probability.
    positives : Share
        Share of positives with its Wilson interval.
    """

    mean: float
    positives: Share


def reliability(labels: Numbers, probabilities: Numbers, bins: int = BINS) -> tuple[Bin, ...]:
    """Return bins of equal counts; equal probabilities stay in one bin.

    Parameters
    ----------
    labels : float64 array, shape (n,)
        0 or 1.
    probabilities : float64 array, shape (n,)
        0..1.
    bins : int
        Most bins.

    Returns
    -------
    tuple of Bin
        By probability. Empty for no case.
    """
    from scipy.stats import rankdata

    if len(labels) == 0:
        return ()
    places = (rankdata(probabilities, method="min") - 1) * bins // len(labels)
    masks = [places == place for place in np.unique(places)]
    return tuple(
        Bin(
            float(probabilities[mask].mean()),
            wilson(int(labels[mask].sum()), int(mask.sum())),
        )
        for mask in masks
    )


def expected_calibration_error(bins: tuple[Bin, ...]) -> float | None:
    """Return the mean distance between probability and share of positives; None for no bin.

    Parameters
    ----------
    bins : tuple of Bin
        From ``reliability``. Each weighs as many cases as it has.
    """
    total = sum(bin_.positives.of for bin_ in bins)
    if total == 0:
        return None
    distances = (
        bin_.positives.of * abs(bin_.mean - bin_.positives.hits / bin_.positives.of)
        for bin_ in bins
    )
    return sum(distances) / total


def slope_and_intercept(labels: Numbers, probabilities: Numbers) -> tuple[float, float] | None:
    """Return slope and intercept of the logistic regression of the labels on logit p.

    1 and 0 are perfect. A slope below 1 says that the probabilities are too extreme.

    Parameters
    ----------
    labels : float64 array, shape (n,)
        0 or 1.
    probabilities : float64 array, shape (n,)
        0..1.

    Returns
    -------
    (float, float) or None
        None where there are too few cases, or a probability separates them: no slope exists then.
    """
    if not enough(labels) or _separated(labels, probabilities):
        return None
    x = logits(probabilities)
    design = np.column_stack([x, np.ones_like(x)])
    found = np.zeros(2)
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(design @ found, -700, 700)))
        weights = np.maximum(p * (1 - p), 1e-12)
        information = design.T @ (design * weights[:, None])
        try:
            step = np.linalg.solve(information, design.T @ (labels - p))
        except np.linalg.LinAlgError:
            return None
        found = found + np.clip(step, -2, 2)  # a whole Newton step can jump past the optimum
        if np.abs(step).max() < 1e-10:
            return float(found[0]), float(found[1])
    return None


def _separated(labels: Numbers, probabilities: Numbers) -> bool:
    positive, negative = probabilities[labels == 1], probabilities[labels == 0]
    return bool(positive.min() >= negative.max() or positive.max() <= negative.min())


def logits(probabilities: Numbers) -> Numbers:
    """Return log(p / (1 - p)); p is held between 1e-7 and 1 - 1e-7.

    Parameters
    ----------
    probabilities : float64 array
        0..1, of any shape.

    Returns
    -------
    float64 array
        Within -16.1..16.1, in the shape of the probabilities.
    """
    p = np.clip(probabilities, _FLOOR, 1 - _FLOOR)
    return np.log(p) - np.log1p(-p)


def fit_temperature(labels: Numbers, probabilities: Numbers) -> float:
    """Return the temperature T with the lowest log loss of sigmoid(logit p / T).

    Parameters
    ----------
    labels : float64 array, shape (n,)
        0 or 1.
    probabilities : float64 array, shape (n,)
        0..1.

    Returns
    -------
    float
        From 0.05 to 20. Above 1: the probabilities were too extreme.
    """
    from scipy.optimize import minimize_scalar

    x = logits(probabilities)

    def loss(log_t: float) -> float:
        scaled = x / math.exp(log_t)
        return float((np.logaddexp(0, scaled) - labels * scaled).mean())

    return math.exp(minimize_scalar(loss, bounds=_LOG_LIMITS, method="bounded").x)


def fit_isotonic(labels: Numbers, probabilities: Numbers) -> tuple[Numbers, Numbers]:
    """Return the points (x, y) of an isotonic regression.

    Parameters
    ----------
    labels : float64 array, shape (n,)
        0 or 1.
    probabilities : float64 array, shape (n,)
        0..1.

    Returns
    -------
    x, y : float64 arrays, shape (k,)
        x rises, y does not fall. y is at least 1 / (2 n) away from 0 and 1: a case outside of
        what was seen is never certain.
    """
    from sklearn.isotonic import IsotonicRegression

    found = IsotonicRegression(out_of_bounds="clip").fit(probabilities, labels)
    margin = 1 / (2 * len(labels))
    x = np.asarray(found.X_thresholds_, np.float64)
    return x, np.clip(np.asarray(found.y_thresholds_, np.float64), margin, 1 - margin)


def fit(cases: Cases, kind: Kind) -> dict[str, Mapping[str, Any]]:
    """Fit each class that has at least two positives and two negatives.

    Parameters
    ----------
    cases : Cases
        Of patients that the networks have not seen.
    kind : {"temperature", "isotonic"}
        One number for each class, or a curve of steps.

    Returns
    -------
    dict of str to mapping
        As ``judged.Calibration`` has it: ``{"temperature": T}`` or ``{"x": [...], "y": [...]}``.

    Raises
    ------
    IchError
        If not a single class can be fitted.
    """
    classes: dict[str, Mapping[str, Any]] = {}
    for column, name in enumerate(CLASSES):
        labels, probabilities, _ = class_values(cases, column)
        if not enough(labels):
            continue
        if kind == "temperature":
            classes[name] = {"temperature": fit_temperature(labels, probabilities)}
        else:
            x, y = fit_isotonic(labels, probabilities)
            classes[name] = {"x": x.tolist(), "y": y.tolist()}
    if not classes:
        raise IchError(
            "no class has two positives and two negatives to fit a calibration on",
            remedy="give more labels, or leave resources.evaluation.fit off",
        )
    return classes
