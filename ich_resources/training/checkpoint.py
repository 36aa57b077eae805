"""The checkpoint file of a finished training, as inference reads it."""

from collections.abc import Mapping
from typing import Any

from ich_resources.training.results import TrainedFold


def checkpoint_bytes(trained: TrainedFold, about: Mapping[str, Any]) -> bytes:
    """Return the bytes of ``model_epoch_best_<k>.pth``.

    Parameters
    ----------
    trained : TrainedFold
        Weights, epoch and loss.
    about : mapping
        The part ``ich``: ``backbones.recipe_in_file.Trained.to_plain()``.
    """
    raise NotImplementedError
