"""Gray levels to network input, on the device that needs it."""

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ich_resources.backbones.heads import Network
from ich_resources.preprocessing import NORMALISED


def device_of(network: Network) -> torch.device:
    """Return the device of a network's weights."""
    return next(network.parameters()).device


def to_input(planes: npt.NDArray[np.uint8], network: Network) -> Tensor:
    """Move gray levels to a network's device and make its input there.

    A gray level is one byte, the input of three channels twelve. On CUDA the copy does not wait.

    Parameters
    ----------
    planes : uint8 array, shape (B, 1, S, S) or (B, 3, S, S)
        From ``preprocessing.network_planes``; one plane means three equal channels.
    network : Network
        Who will see it.

    Returns
    -------
    float32 Tensor, shape (B, 3, S, S)
        ``(x / 255 - 0.456) / 0.224``, in the network's memory format.
    """
    device = device_of(network)
    levels = torch.from_numpy(planes)
    if device.type == "cuda":
        levels = levels.pin_memory()
    levels = levels.to(device, non_blocking=True)
    seen = _table(device)[levels.int()].expand(-1, 3, -1, -1)
    return seen.contiguous(memory_format=network.memory_format)


@cache
def _table(device: torch.device) -> Tensor:
    return torch.from_numpy(NORMALISED).to(device)
