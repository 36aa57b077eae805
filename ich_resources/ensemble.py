"""Mean over folds, then mean over backbones (docs/reference.md, section 4)."""

from collections.abc import Sequence

import numpy as np

from ich_resources.errors import InferenceError
from ich_resources.findings import FloatArray, FoldProbabilities


def mean_over_folds(folds: FoldProbabilities) -> FloatArray:
    """Return the backbone's probabilities.

    Parameters
    ----------
    folds : FoldProbabilities
        At least one fold.

    Returns
    -------
    float32 array, shape (N, 6)
        Mean of the fold probabilities.
    """
    return folds.probabilities.mean(axis=0, dtype=np.float32)


def mean_over_backbones(backbones: Sequence[FoldProbabilities]) -> FloatArray:
    """Return the ensemble's probabilities.

    Every backbone weighs the same, however many folds it has.

    Parameters
    ----------
    backbones : sequence of FoldProbabilities
        Of the same slices. The numbers of folds may differ.

    Returns
    -------
    float32 array, shape (N, 6)
        Mean over backbones of the mean over folds.

    Raises
    ------
    InferenceError
        If there are no backbones, or their numbers of slices differ.
    """
    if not backbones:
        raise InferenceError("no backbone has predictions", remedy="choose at least one backbone")
    lengths = {b.backbone: b.probabilities.shape[1] for b in backbones}
    if len(set(lengths.values())) > 1:
        raise InferenceError(
            f"backbones scored different numbers of slices: {lengths}",
            remedy="materialise the backbones' predictions of this series again",
        )
    return np.stack([mean_over_folds(b) for b in backbones]).mean(axis=0, dtype=np.float32)
