"""Input gradient (Simonyan et al. 2014, section 3): change of the logit with each pixel."""

import torch
from torch import Tensor

from ich_resources.backbones.heads import Network


def forward(network: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    """Run one forward pass that can be differentiated.

    Parameters
    ----------
    network : Network
        In evaluation mode.
    x : float32 Tensor, shape (B, 3, S, S)
        Network input.

    Returns
    -------
    logits : float Tensor, shape (B, 6)
        Connected to ``source`` by the autograd graph.
    source : float Tensor, shape (B, 3, S, S)
        The input; ``saliency_map`` takes the gradient with respect to it.
    """
    source = x.detach().clone().requires_grad_(True)
    logits: Tensor = network(source)
    return logits, source


def saliency_map(logits: Tensor, source: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over channels of ``|d logit / d input|``.

    Parameters
    ----------
    logits, source : Tensor
        From ``forward``.
    targets : int64 Tensor, shape (B,)
        Class to explain per slice.

    Returns
    -------
    float Tensor, shape (B, S, S)
        At least 0, not yet stretched to 0..1.
    """
    chosen = logits.gather(1, targets[:, None]).sum()
    (gradient,) = torch.autograd.grad(chosen, source)
    return gradient.abs().mean(1)
