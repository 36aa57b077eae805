"""The checkpoint file of a finished training, as inference reads it."""

import io
import json
from collections.abc import Mapping
from typing import Any

import torch

from ich_resources.backbones.recipe_in_file import PART
from ich_resources.training.results import TrainedFold


def checkpoint_bytes(trained: TrainedFold, about: Mapping[str, Any]) -> bytes:
    """Return the bytes of ``model_epoch_best_<k>.pth``.

    Parameters
    ----------
    trained : TrainedFold
        Weights, epoch and loss.
    about : mapping
        What the file says about itself: ``recipe_in_file.Trained.to_plain()``.

    Returns
    -------
    bytes
        ``{epoch, state_dict, valLoss, ich}``, tensors and plain values: the released loader reads
        it too. ``epoch`` counts from 1, as in the reference.
    """
    content = io.BytesIO()
    torch.save(
        {
            "epoch": trained.kept.epoch + 1,
            "state_dict": trained.weights,
            "valLoss": trained.kept.validation_loss,
            # Through JSON: a text of another class, as torch.__version__, could not be read again.
            PART: json.loads(json.dumps(about, allow_nan=False)),
        },
        content,
    )
    return content.getvalue()
