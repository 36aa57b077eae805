"""Every random number of a training comes from a seed of its own: no state goes on from another."""

import numpy as np

from ich_resources.backbones.table import BACKBONES
from ich_resources.training.recipe import Recipe

_ORDER, _SAMPLE, _TORCH = 1, 2, 3


def order_generator(recipe: Recipe, epoch: int) -> np.random.Generator:
    """Return the generator of the order of an epoch."""
    return np.random.default_rng([_ORDER, *_numbers(recipe), epoch])


def sample_generator(recipe: Recipe, epoch: int, position: int) -> np.random.Generator:
    """Return the generator of one sample: its centre first, then its augmentation.

    It depends on seed, backbone, fold, epoch and position alone, so any number of threads and a
    resumed training draw the same.

    Parameters
    ----------
    recipe : Recipe
        ``seed``, ``backbone`` and ``fold`` count.
    epoch : int
        From 0.
    position : int
        Place of the sample in the order of the epoch, from 0.
    """
    return np.random.default_rng([_SAMPLE, *_numbers(recipe), epoch, position])


def torch_seed(recipe: Recipe, epoch: int = -1) -> int:
    """Return the seed of torch for an epoch; without one, for the weights at the start."""
    state = np.random.SeedSequence([_TORCH, *_numbers(recipe), epoch + 1])
    return int(state.generate_state(1, np.uint64)[0] >> np.uint64(1))


def _numbers(recipe: Recipe) -> tuple[int, int, int]:
    return recipe.seed, list(BACKBONES).index(recipe.backbone), recipe.fold
