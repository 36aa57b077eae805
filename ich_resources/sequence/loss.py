"""The loss of both heads: weighted binary cross entropy, ``any`` twice."""

import torch
from torch import Tensor
from torch.nn import functional

from ich_resources.metric import WEIGHTS


def both_heads_loss(y1: Tensor, y2: Tensor, labels: Tensor) -> Tensor:
    """Return the loss that a training lowers: that of head 2 plus that of head 1.

    Parameters
    ----------
    y1, y2 : float32 Tensor, shape (B, L, 6)
        Logits.
    labels : float32 Tensor, shape (B, L, 6)
        0, 1, or NaN where the class was not read.

    Returns
    -------
    float32 Tensor, shape ()
        At least 0.
    """
    return head_loss(y2, labels) + head_loss(y1, labels)


def head_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the sum over classes of weight times mean loss, over the sum of the weights.

    A class counts with the mean over the slices that have its label; without any it does not count.

    Parameters
    ----------
    logits, labels : float32 Tensor, shape (B, L, 6)
        As for ``both_heads_loss``.

    Returns
    -------
    float32 Tensor, shape ()
        At least 0; 0 where no slice has a label.
    """
    read = ~labels.isnan()
    loss = functional.binary_cross_entropy_with_logits(
        logits, torch.where(read, labels, 0.0), reduction="none"
    )
    count = read.sum((0, 1))
    mean = (loss * read).sum((0, 1)) / count.clamp(min=1)
    weights = torch.tensor(WEIGHTS, device=loss.device) * (count > 0)
    return (mean * weights).sum() / weights.sum().clamp(min=1)
