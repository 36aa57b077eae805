"""Device and arithmetic of the passes."""

from typing import Literal

import torch

from ich_resources.backbones.device import resolve_devices
from ich_resources.errors import InferenceError
from ich_resources.training.recipe import TrainingPrecision


def one_device(wanted: str) -> torch.device:
    """Return the device of a training: the first that ``resolve_devices`` gives.

    Raises
    ------
    InferenceError
        If a CUDA device is requested and absent.
    """
    return resolve_devices(wanted)[0]


def resolve_precision(
    wanted: TrainingPrecision, device: torch.device
) -> Literal["float32", "bfloat16"]:
    """Return the arithmetic of the passes on a device.

    Raises
    ------
    InferenceError
        If bfloat16 is asked for, and the device does not have it.
    """
    with_half = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if wanted == "auto":
        return "bfloat16" if with_half else "float32"
    if wanted == "bfloat16" and device.type == "cuda" and not with_half:
        raise InferenceError(
            f"{torch.cuda.get_device_name(device)} does not compute in bfloat16",
            remedy="set precision to auto or float32",
        )
    return wanted


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the autocast context of the passes."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
