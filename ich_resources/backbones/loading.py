"""Networks with weights: loaded strictly, once per process, however many series run."""

import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.networks import Network, build_network
from ich_resources.backbones.table import BACKBONES, Backbone
from ich_resources.errors import CheckpointError, InferenceError

UNTRAINED_KEY = "untrained_stand_in"
"""Key of a checkpoint that marks its weights as untrained; every result then says so."""


@dataclass(frozen=True)
class LoadedFold:
    """One fold, ready to run.

    Attributes
    ----------
    file : CheckpointFile
        Where the weights came from.
    network : Network
        In evaluation mode, float32, without parameter gradients, on its device.
    untrained : bool
        Whether the checkpoint says that its weights are stand-ins.
    """

    file: CheckpointFile
    network: Network
    untrained: bool


_LOADED: dict[tuple[str, str, str], LoadedFold] = {}


def load_fold(file: CheckpointFile, device: torch.device) -> LoadedFold:
    """Return a fold with its weights; the file is deserialised once per process and device.

    The cache is the module's: Dagster makes a new resource for every run (and one more after it).

    Raises
    ------
    CheckpointError
        If the file does not hold exactly this network's weights, or holds code.
    """
    key = (str(file.path), file.digest, str(device))
    if key not in _LOADED:
        _LOADED[key] = _load(file, device)
    return _LOADED[key]


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


def read_state_dict(path: Path) -> tuple[dict[str, torch.Tensor], bool]:
    """Read the weights of a checkpoint: a state dict, bare or under ``state_dict``.

    Returns
    -------
    state_dict : dict of str to Tensor
        Keys without the prefix ``module.``.
    untrained : bool
        Whether the checkpoint is marked as a stand-in.

    Raises
    ------
    CheckpointError
        If the file is damaged, holds anything but tensors and plain values, or no state dict.
    """
    try:
        with warnings.catch_warnings():
            # It guesses at what a damaged file may be; our error says what it is.
            warnings.simplefilter("ignore")
            checkpoint: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as err:
        raise CheckpointError(
            "the checkpoint is damaged, or holds more than weights (pickled code is never run)",
            path=path,
            remedy="fetch the released file again, or save only its state_dict",
        ) from err
    except Exception as err:  # torch lets many kinds through for a damaged file
        raise CheckpointError(
            f"the checkpoint cannot be read: {str(err).splitlines()[0] if str(err) else err!r}",
            path=path,
            remedy="fetch the file again: it is truncated or no checkpoint",
        ) from err
    nested = isinstance(checkpoint, dict) and "state_dict" in checkpoint
    state = checkpoint["state_dict"] if nested else checkpoint
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise CheckpointError(
            "the checkpoint holds no state dict", path=path, remedy="fetch the released file again"
        )
    weights = {key.removeprefix("module."): value for key, value in state.items()}
    if len(weights) < len(state):
        raise CheckpointError(
            "the checkpoint names weights twice, with and without module.",
            path=path,
            remedy="fetch the released file again",
        )
    return weights, bool(nested and checkpoint.get(UNTRAINED_KEY, False))


def _load(file: CheckpointFile, device: torch.device) -> LoadedFold:
    backbone = BACKBONES[file.backbone]
    weights, untrained = read_state_dict(file.path)
    # On "meta" nothing is allocated or initialised; the weights are assigned, not copied.
    with torch.device("meta"):
        network = build_network(backbone)
    _require_fit(network, weights, backbone, file.path)
    network.load_state_dict(weights, strict=True, assign=True)
    network.float().eval().requires_grad_(False)
    network.to(device).to(memory_format=torch.channels_last)
    return LoadedFold(file, network, untrained)


def _require_fit(
    network: Network, weights: dict[str, torch.Tensor], backbone: Backbone, path: Path
) -> None:
    expected = network.state_dict()
    problems = [f"missing {key}" for key in expected.keys() - weights.keys()]
    problems += [f"unknown {key}" for key in weights.keys() - expected.keys()]
    problems += [
        f"{key} is {tuple(weights[key].shape)}, not {tuple(expected[key].shape)}"
        for key in expected.keys() & weights.keys()
        if weights[key].shape != expected[key].shape
    ]
    problems += [
        f"{key} holds no plain floating-point numbers"
        for key in expected.keys() & weights.keys()
        if expected[key].is_floating_point() and not _is_plain(weights[key])
    ]
    problems += [
        f"{key} has values that are not finite"
        for key, value in weights.items()
        if _is_plain(value) and not value.isfinite().all()
    ]
    if problems:
        problems.sort()
        shown = "; ".join(problems[:3]) + ("; ..." if len(problems) > 3 else "")
        raise CheckpointError(
            f"the checkpoint does not fit {backbone.name}: {len(problems)} keys ({shown})",
            path=path,
            remedy="check that the file lies in the folder of its own backbone",
        )


def _is_plain(value: torch.Tensor) -> bool:
    return value.is_floating_point() and value.layout == torch.strided and not value.is_meta


def describe_device(device: torch.device) -> str:
    """Return a device's name for people: ``cpu``, or ``cuda:0 (NVIDIA ...)``."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)
