"""Networks with weights: loaded strictly, once per process, however many series run."""

import pickle
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.compiled import CompiledNetwork, convert_features
from ich_resources.backbones.compiled_cache import (
    Converted,
    folder_for,
    read_converted,
    write_converted,
)
from ich_resources.backbones.networks import Network, build_network
from ich_resources.backbones.table import BACKBONES, Backbone, Precision
from ich_resources.errors import CheckpointError

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
    precision : {"float32", "bfloat16", "float16"}
        Arithmetic of its passes.
    """

    file: CheckpointFile
    network: Network
    untrained: bool
    precision: Precision = "float32"


_LOADED: dict[tuple[str, str, str], LoadedFold] = {}


def load_fold(
    file: CheckpointFile, device: torch.device, precision: Precision = "float32"
) -> LoadedFold:
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
    return replace(_LOADED[key], precision=precision)


def try_fold(file: CheckpointFile) -> bool:
    """Load a fold on the CPU as ``load_fold`` does, and let it go again.

    Returns
    -------
    bool
        Whether the checkpoint says that its weights are stand-ins.

    Raises
    ------
    CheckpointError
        As ``load_fold``.
    """
    return _load(file, torch.device("cpu")).untrained


def load_compiled(file: CheckpointFile, cache: Path, precision: Precision) -> LoadedFold:
    """Return a fold compiled for the CPU; converted once per checkpoint, compiled once per process.

    Parameters
    ----------
    cache : Path
        Folder that keeps converted networks; made if missing. One that cannot be written costs
        the conversion in every process, and a warning.

    Raises
    ------
    CheckpointError
        As ``load_fold``.
    """
    key = (str(file.path), file.digest, f"openvino {precision}")
    if key not in _LOADED:
        backbone = BACKBONES[file.backbone]
        folder = folder_for(cache, file.digest)
        converted = read_converted(folder, backbone) or _convert(file, folder)
        network = CompiledNetwork(converted.head, converted.model, precision)
        _LOADED[key] = LoadedFold(file, network, converted.untrained, precision)
    return _LOADED[key]


def _convert(file: CheckpointFile, folder: Path) -> Converted:
    fold = _load(file, torch.device("cpu"))
    model = convert_features(fold.network, BACKBONES[file.backbone])
    fold.network.drop_features()
    converted = Converted(fold.network, model, fold.untrained)
    try:
        write_converted(folder, converted)
    except OSError as err:
        warnings.warn(
            f"converted networks cannot be kept in {folder.parent} ({err.strerror}): "
            "set networks.compiled_dir to a folder that can be written",
            stacklevel=2,
        )
    return converted


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
