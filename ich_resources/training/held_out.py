"""What the held-out slices say of a network: losses and areas under the curve."""

import numpy as np
import numpy.typing as npt

from ich_resources.hemorrhage import CLASSES
from ich_resources.metric import class_log_losses, weighted_log_loss

FEWEST = 2
"""Positives, and negatives, below which an AUC means nothing."""


def auc(labels: npt.NDArray[np.floating], scores: npt.NDArray[np.floating]) -> float | None:
    """Return the area under the ROC curve; ties count half.

    Parameters
    ----------
    labels : array, shape (N,)
        1, 0, or NaN where the class was not read.
    scores : array, shape (N,)
        Higher means more likely.

    Returns
    -------
    float or None
        None with fewer than two positives or negatives.
    """
    positives, negatives = scores[labels == 1], np.sort(scores[labels == 0])
    if min(len(positives), len(negatives)) < FEWEST:
        return None
    below = np.searchsorted(negatives, positives, "left")
    not_above = np.searchsorted(negatives, positives, "right")
    return float((below + not_above).mean() / 2 / len(negatives))


def judge(
    labels: npt.NDArray[np.float32], probabilities: npt.NDArray[np.float32]
) -> dict[str, float | tuple[float | None, ...]]:
    """Return the validation fields of an ``EpochResult``.

    Parameters
    ----------
    labels : float32 array, shape (N, 6)
        1, 0, or NaN where a class was not read.
    probabilities : float32 array, shape (N, 6)
        From one view.

    Raises
    ------
    ValueError
        If there is not a single label.
    """
    losses = class_log_losses(labels, probabilities)
    counts = (~np.isnan(labels)).sum(0)
    plain = float(np.nansum(losses * counts) / counts.sum())
    return {
        "validation_loss": plain,
        "weighted_log_loss": weighted_log_loss(labels, probabilities),
        "losses": tuple(None if np.isnan(loss) else float(loss) for loss in losses),
        "aucs": tuple(auc(labels[:, c], probabilities[:, c]) for c in range(len(CLASSES))),
    }
