"""The loss of a batch, where labels may be missing."""

import torch
from torch import Tensor
from torch.nn import functional

from ich_resources.hemorrhage import ANY, CLASSES


def class_weights(any_weight: float, device: torch.device) -> Tensor:
    """Return the weight of each class in the loss.

    Parameters
    ----------
    any_weight : float
        Weight of ``any``. The five subtypes have 1.
    device : torch.device
        Where the loss is computed.

    Returns
    -------
    float32 Tensor, shape (6,)
        In the order of ``CLASSES``.
    """
    weights = torch.ones(len(CLASSES), device=device)
    weights[ANY] = any_weight
    return weights


def label_weight(labels: Tensor, weights: Tensor) -> Tensor:
    """Return the sum of the weights of all labels that are there.

    Parameters
    ----------
    labels : Tensor, shape (B, 6)
        1, 0, or NaN where a class was not read.
    weights : Tensor, shape (6,)
        From ``class_weights``.

    Returns
    -------
    float32 Tensor, shape ()
        0 where no class was read.
    """
    return (~labels.isnan() * weights).sum()


def summed_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted sum of the binary cross entropies of all labels that are there.

    Divided by ``label_weight`` of the whole batch it is the mean; with all labels and equal weights
    that is the plain mean of the reference.

    Parameters
    ----------
    logits : Tensor, shape (B, 6)
        Of any float dtype; the loss is computed in float32.
    labels : Tensor, shape (B, 6)
        1, 0, or NaN where a class was not read.
    weights : Tensor, shape (6,)
        From ``class_weights``.

    Returns
    -------
    float32 Tensor, shape ()
        0 where no class was read.
    """
    there = ~labels.isnan()
    losses = functional.binary_cross_entropy_with_logits(
        logits.float(), labels.nan_to_num(), reduction="none"
    )
    return (losses * there * weights).sum()
