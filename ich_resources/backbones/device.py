"""Where the networks run: a device asked for and absent is an error, never the CPU instead."""

import warnings

import torch

from ich_resources.errors import InferenceError


def resolve_device(wanted: str) -> torch.device:
    """Return the device to run on.

    Parameters
    ----------
    wanted : {"auto", "cpu", "cuda", "cuda:N"}
        ``auto`` takes the first CUDA device where there is one.

    Raises
    ------
    InferenceError
        If a CUDA device is asked for and absent. There is no silent fall back to the CPU.
    """
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    index = 0
    if wanted not in ("auto", "cuda"):
        prefix, _, number = wanted.partition(":")
        if prefix != "cuda" or not number.isdecimal():
            raise InferenceError(
                f"unknown device {wanted!r}", remedy="set device to auto, cpu, cuda or cuda:0"
            )
        index = int(number)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a driver that is too old warns here; we raise instead
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if index >= count:
        raise InferenceError(
            f"device {wanted!r} was asked for, and this machine shows {count} CUDA devices",
            remedy="set device to auto or cpu, or give the process access to the GPU",
        )
    # float32 means float32: by default convolutions would run in TF32, with 10 bits of mantissa.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device("cuda", index)


def describe_device(device: torch.device) -> str:
    """Return a device's name for people: ``cpu``, or ``cuda:0 (NVIDIA ...)``."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)
