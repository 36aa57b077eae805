"""How slices are shown to a network that predicts; importable without torch."""

from dataclasses import dataclass
from typing import Literal, Self

from ich_resources.backbones.views import FIXED_VIEWS
from ich_resources.preprocessing import SliceContext
from ich_resources.training.recipe import Recipe, TrainingPrecision

RANDOM_VIEWS = 10
"""Views of ``random10``."""
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
    precision: TrainingPrecision = "float32"

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

    @property
    def views(self) -> int:
        """Number of views V."""
        return RANDOM_VIEWS if self.tta == "random10" else len(FIXED_VIEWS[self.tta])
