"""Half precision in PyTorch: which arithmetic it is, and weights that are rounded once."""

import torch
from torch import nn

from ich_resources.backbones.table import Precision

HALF: dict[Precision, torch.dtype] = {"bfloat16": torch.bfloat16, "float16": torch.float16}
"""PyTorch's type of each half precision."""


def cast_weights(network: nn.Module, dtype: torch.dtype) -> None:
    """Round the weights of convolutions and linear layers, as autocast would at every pass.

    Batch norm stays in float32, as under autocast, so the results have the same bits.

    Parameters
    ----------
    network : nn.Module
        Changed in place.
    dtype : torch.dtype
        float16 or bfloat16.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.to(dtype)
