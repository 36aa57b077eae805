"""The weighted log loss of the competition, in float64 (docs/reference.md, section 9).

``any`` weighs twice as much as each subtype. A label that is NaN was not read and does not count.
"""

import numpy as np
import numpy.typing as npt

from ich_resources.hemorrhage import CLASSES

WEIGHTS = (2.0, 1.0, 1.0, 1.0, 1.0, 1.0)
"""Weight of each class, in the order of ``hemorrhage.CLASSES``."""
CLIP = 1e-15
"""Probabilities are clipped to [CLIP, 1 - CLIP], so that the loss is finite."""

Numbers = npt.NDArray[np.float64]


def class_log_losses(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Numbers:
    """Return the mean log loss of each class.

    Parameters
    ----------
    labels : array, shape (N, 6)
        0, 1, or NaN where the class was not read.
    probabilities : array, shape (N, 6)
        From 0 to 1, finite.

    Returns
    -------
    float64 array, shape (6,)
        In nats. NaN for a class without a label.

    Raises
    ------
    ValueError
        If the arrays do not have this shape or hold other values.
    """
    y, p = _checked(labels, probabilities)
    p = np.clip(p, CLIP, 1 - CLIP)
    loss = -(y * np.log(p) + (1 - y) * np.log1p(-p))
    return _mean_of_read(loss)


def weighted_log_loss(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Return the mean over rows of the weighted mean over classes of the log loss.

    Where labels are missing, each class counts with the mean over the rows that have its label,
    and a class without any label does not count.

    Parameters
    ----------
    labels : array, shape (N, 6)
        0, 1, or NaN where the class was not read.
    probabilities : array, shape (N, 6)
        From 0 to 1, finite.

    Returns
    -------
    float
        In nats; ln 2 where every probability is 0.5.

    Raises
    ------
    ValueError
        If the arrays do not have this shape or hold other values, or there is not a single label.
    """
    return _weighted(class_log_losses(labels, probabilities))


def prevalences(labels: npt.ArrayLike) -> Numbers:
    """Return the share of positives of each class, among the rows that have its label.

    Parameters
    ----------
    labels : array, shape (N, 6)
        0, 1, or NaN where the class was not read.

    Returns
    -------
    float64 array, shape (6,)
        NaN for a class without a label.

    Raises
    ------
    ValueError
        If the array does not have this shape or holds other values.
    """
    return _mean_of_read(_checked_labels(labels))


def prior_loss(labels: npt.ArrayLike, prevalence: npt.ArrayLike | None = None) -> float:
    """Return the weighted log loss of constant probabilities.

    A network that is worth anything must be better.

    Parameters
    ----------
    labels : array, shape (N, 6)
        0, 1, or NaN where the class was not read.
    prevalence : array, shape (6,), optional
        The constants, for example those of the training; default: those of the labels themselves.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ValueError
        If the arrays do not have these shapes or hold other values, or there is not a single label.
    """
    y = _checked_labels(labels)
    constant = prevalences(y) if prevalence is None else np.asarray(prevalence, np.float64)
    constant = np.where(np.isnan(y).all(axis=0), 0.5, constant)  # a class that does not count
    return weighted_log_loss(y, np.broadcast_to(constant, y.shape))


def _weighted(losses: Numbers) -> float:
    read = ~np.isnan(losses)
    if not read.any():
        raise ValueError("there is not a single label")
    weights = np.array(WEIGHTS)[read]
    return float((losses[read] * weights).sum() / weights.sum())


def _mean_of_read(values: Numbers) -> Numbers:
    read = ~np.isnan(values)
    count = read.sum(axis=0)
    total = np.where(read, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _checked(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[Numbers, Numbers]:
    y, p = _checked_labels(labels), np.asarray(probabilities, np.float64)
    if p.shape != y.shape:
        raise ValueError(f"{y.shape} labels and {p.shape} probabilities")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a probability is not a number from 0 to 1")
    return y, p


def _checked_labels(labels: npt.ArrayLike) -> Numbers:
    y = np.asarray(labels, np.float64)
    if y.ndim != 2 or y.shape[1] != len(CLASSES):
        raise ValueError(f"labels of shape {y.shape}, not (N, {len(CLASSES)})")
    if not (np.isnan(y) | (y == 0) | (y == 1)).all():
        raise ValueError("a label is not 0, 1 or NaN")
    return y
