"""The checkpoint file of a finished training, as inference reads it."""

import io
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Literal

import torch

from ich_resources.backbones.recipe_in_file import PART, Trained
from ich_resources.training.recipe import Recipe
from ich_resources.training.results import TrainedFold


def describe(
    trained: TrainedFold,
    recipe: Recipe,
    *,
    trained_on: Literal["patients", "phantoms"],
    salt: str,
    studies: Mapping[str, int],
    labels: str,
) -> Trained:
    """Return what the checkpoint of a training says about itself.

    Parameters
    ----------
    trained : TrainedFold
        The finished training.
    recipe : Recipe
        Its settings.
    trained_on : {"patients", "phantoms"}
        What the slices show.
    salt : str
        From ``recipe_in_file.study_salt``.
    studies : mapping of str to int
        Hash of each study of the data set, with its fold.
    labels : str
        Digest of the labels.

    Raises
    ------
    ValueError
        If a value is not what its name says.
    """
    initial = trained.initial
    return Trained(
        backbone=recipe.backbone,
        fold=recipe.fold,
        input_size=recipe.input_size,
        slice_context=recipe.slice_context,
        trained_on=trained_on,
        salt=salt,
        studies=studies,
        recipe=recipe.settings(),
        labels=labels,
        init=f"{initial.init} sha256:{initial.digest}" if initial.digest else initial.init,
        weighted_log_loss=float(trained.kept.weighted_log_loss or 0.0),
        versions={
            "ich": version("ich"),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "device": trained.device,
            "precision": trained.precision,
        },
    )


def checkpoint_bytes(trained: TrainedFold, about: Trained) -> bytes:
    """Return the bytes of ``model_epoch_best_<k>.pth``.

    Parameters
    ----------
    trained : TrainedFold
        Weights, epoch and loss.
    about : Trained
        From ``describe``.

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
            PART: about.to_plain(),
        },
        content,
    )
    return content.getvalue()
