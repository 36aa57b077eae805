"""Predictions of one trained network with test-time augmentation, and its pooled features."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from ich_resources.preprocessing import SliceContext
from ich_resources.training.recipe import Recipe
from ich_resources.training.results import Machine
from ich_resources.training.slices import TrainingSlices

Tta = Literal["none", "four", "random10"]


@dataclass(frozen=True)
class ViewOptions:
    """How slices are shown to a network.

    Attributes
    ----------
    tta : {"none", "four", "random10"}
        The centre crop; four fixed views of it; ten random views as the reference.
    input_size : int
        Edge S of the network input in pixels.
    slice_context : {"adjacent", "replicated"}
        As in training.
    batch_size : int
        Slices per pass.
    seed : int
        Seed of the random views; each slice has its own, whatever slices are beside it.
    precision : {"auto", "float32", "bfloat16"}
        Arithmetic of the passes.
    """

    tta: Tta
    input_size: int
    slice_context: SliceContext
    batch_size: int
    seed: int = 1992
    precision: Literal["auto", "float32", "bfloat16"] = "float32"

    @classmethod
    def of(cls, recipe: Recipe, tta: Tta) -> Self:
        """Return the options that fit what a training has seen."""
        return cls(
            tta,
            recipe.input_size,
            recipe.slice_context,
            recipe.validation_batch_size,
            recipe.seed,
        )


@dataclass(frozen=True)
class ViewPredictions:
    """Predictions of one network.

    Attributes
    ----------
    probabilities : float32 array, shape (V, N, 6)
        Of each view; the first of the fixed views is the plain one.
    features : float16 array, shape (N, C)
        Mean of the pooled features over the views.
    """

    probabilities: npt.NDArray[np.float32]
    features: npt.NDArray[np.float16]

    @property
    def mean(self) -> npt.NDArray[np.float32]:
        """Mean over the views, shape (N, 6)."""
        return self.probabilities.mean(0, dtype=np.float64).astype(np.float32)


def predict_checkpoint(
    checkpoint: Path,
    slices: TrainingSlices,
    options: ViewOptions,
    machine: Machine | None = None,
    check: Callable[[], None] = lambda: None,
) -> ViewPredictions:
    """Score slices with the network of one checkpoint file; ``check`` is called at each batch."""
    raise NotImplementedError
