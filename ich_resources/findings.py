"""Results of the networks for a series: probabilities and saliency."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ich_resources.hemorrhage import CLASSES

FloatArray = npt.NDArray[np.float32]


def share(probabilities: FloatArray) -> FloatArray:
    """Return p / sum(p) along the last axis.

    Parameters
    ----------
    probabilities : float32 array, shape (..., 6)
        0..1.

    Returns
    -------
    float32 array, shape (..., 6)
        Adds up to 1; zeros where every p is 0 in float32.
    """
    total = probabilities.sum(-1, keepdims=True)
    return probabilities / np.maximum(total, np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class FoldProbabilities:
    """Probabilities of one backbone, fold by fold.

    Attributes
    ----------
    backbone : str
        Name of the backbone.
    folds : tuple of str
        Checkpoint file names, in the order of axis F.
    probabilities : float32 array, shape (F, N, 6)
        sigmoid(logits) per fold, slice and class.

    Raises
    ------
    ValueError
        If the shape does not fit, or a value is not a probability.
    """

    backbone: str
    folds: tuple[str, ...]
    probabilities: FloatArray

    def __post_init__(self) -> None:
        p = self.probabilities
        if p.ndim != 3 or p.shape[0] != len(self.folds) or p.shape[2] != len(CLASSES):
            raise ValueError(f"{self.backbone}: shape {p.shape} is not (folds, slices, classes)")
        if not (np.isfinite(p).all() and (p >= 0).all() and (p <= 1).all()):
            raise ValueError(f"{self.backbone}: values outside [0, 1] or not finite")


@dataclass(frozen=True)
class ViewedFolds:
    """What the sequence models see of one backbone, fold by fold: means over some views.

    Attributes
    ----------
    probabilities : float32 array, shape (F, N, 6)
        sigmoid(logits).
    features : float16 array, shape (F, N, C)
        Pooled features.
    """

    probabilities: FloatArray
    features: npt.NDArray[np.float16]


@dataclass(frozen=True)
class SliceSaliency:
    """Saliency of one slice.

    Attributes
    ----------
    slice_map : float32 array, shape (512, 512)
        0..1, over the 512 crop.
    score : float
        Mean of the map.
    target_class : int
        Class whose logit was explained.
    combined : float32 array, shape (6,)
        Ensemble mode: mean over backbones of p / sum(p). Single mode: p.
    per_backbone : dict of str to float32 array, shape (6,)
        sigmoid(logits) of each backbone on the saliency input.
    """

    slice_map: FloatArray
    score: float
    target_class: int
    combined: FloatArray
    per_backbone: dict[str, FloatArray] = field(default_factory=dict)

    @property
    def model_class(self) -> int:
        """Class with the highest combined probability."""
        return int(np.argmax(self.combined))
