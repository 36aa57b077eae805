"""Where the networks run: a device asked for and absent is an error, never the CPU instead."""

import warnings
from collections.abc import Sequence

import torch

from ich_resources.errors import DEVICE, InferenceError


def resolve_devices(wanted: str) -> list[torch.device]:
    """Return the devices to run on.

    Parameters
    ----------
    wanted : {"auto", "cpu", "cuda", "cuda:N"}
        ``auto`` takes every CUDA device where there is one, and ``cuda`` every one.

    Raises
    ------
    InferenceError
        If a CUDA device is requested and absent. The CPU never replaces it silently.
    """
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return [torch.device("cpu")]
    prefix, colon, number = wanted.partition(":")
    if wanted != "auto" and (prefix != "cuda" or (colon and not number.isdecimal())):
        raise InferenceError(
            f"unknown device {wanted!r}", remedy="set device to auto, cpu, cuda or cuda:0"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a driver that is too old warns here; we raise instead
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    indices = [int(number)] if number else list(range(max(count, 1)))
    if indices[-1] >= count:
        raise InferenceError(
            f"device {wanted!r} was asked for, and this machine shows {count} CUDA devices",
            remedy="set device to auto or cpu, or give the process access to the GPU",
            code=DEVICE,
        )
    # float32 means float32: by default convolutions would run in TF32, with 10 bits of mantissa.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return [torch.device("cuda", index) for index in indices]


def describe_devices(devices: Sequence[torch.device]) -> str:
    """Return the devices' names for people: ``cpu``, or ``cuda:0 (NVIDIA ...), cuda:1 (...)``."""
    return ", ".join(
        f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)
        for device in devices
    )
