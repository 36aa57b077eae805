"""Grad-CAM (Selvaraju et al. 2017, eq. 1-2) and Grad-CAM++ (Chattopadhay et al. 2018, eq. 19)."""

import torch
from torch import Tensor

from ich_resources.backbones.heads import Network
from ich_resources.backbones.kept_features import KEPT

EPSILON = 1e-8
"""Replaces a denominator of zero in Grad-CAM++ (docs/reference.md, section 5)."""


def forward(network: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    """Run one forward pass. Only the head, after the last feature maps, is differentiable.

    Feature maps that the predictions have kept are taken.

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
    source : float Tensor, shape (B, K, h, w)
        The last feature maps.
    """
    source = KEPT.take(network, x)
    if source is None:
        with torch.no_grad():
            source = network.forward_features(x)
    source.requires_grad_(True)
    return network.forward_head(source), source


def grad_cam(logits: Tensor, source: Tensor, targets: Tensor) -> Tensor:
    """Return relu(sum_k w_k A_k), w_k the spatial mean of the gradient.

    Parameters
    ----------
    logits, source : Tensor
        From ``forward``.
    targets : int64 Tensor, shape (B,)
        Class to explain per slice.

    Returns
    -------
    float Tensor, shape (B, h, w)
        At least 0, not yet stretched to 0..1.
    """
    gradient = _gradient(logits, source, targets)
    return _weighted(source, gradient.mean((2, 3)))


def grad_cam_plus_plus(logits: Tensor, source: Tensor, targets: Tensor) -> Tensor:
    """Return relu(sum_k w_k A_k) with the weights of Grad-CAM++.

    alpha = g^2 / (2 g^2 + sum_xy(A) g^3), w_k = sum_xy(alpha relu(g)).

    Parameters
    ----------
    logits, source : Tensor
        From ``forward``.
    targets : int64 Tensor, shape (B,)
        Class to explain per slice.

    Returns
    -------
    float Tensor, shape (B, h, w)
        At least 0, not yet stretched to 0..1.
    """
    gradient = _gradient(logits, source, targets)
    total = source.detach().sum((2, 3), keepdim=True)
    denominator = 2 * gradient**2 + total * gradient**3
    denominator = torch.where(denominator == 0, EPSILON, denominator)
    alpha = gradient**2 / denominator
    return _weighted(source, (alpha * gradient.relu()).sum((2, 3)))


def _gradient(logits: Tensor, source: Tensor, targets: Tensor) -> Tensor:
    chosen = logits.gather(1, targets[:, None]).sum()
    (gradient,) = torch.autograd.grad(chosen, source)
    return gradient


def _weighted(source: Tensor, weights: Tensor) -> Tensor:
    return (weights[:, :, None, None] * source.detach()).sum(1).relu()
