"""The weights of a checkpoint file: read without running code, and checked key by key."""

import pickle
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ich_resources.backbones.heads import Network
from ich_resources.backbones.recipe_in_file import Trained, from_checkpoint
from ich_resources.backbones.table import Backbone
from ich_resources.errors import CheckpointError

UNTRAINED_KEY = "untrained_stand_in"
"""Key of a checkpoint that marks its weights as untrained. Every result shows this mark."""

# PyTorch guesses what a damaged file may be. Our error names the fault.
warnings.filterwarnings("ignore", module=r"torch\.(serialization|_weights_only)")


class Contents(NamedTuple):
    """What a checkpoint holds.

    Attributes
    ----------
    weights : dict of str to Tensor
        Keys without the prefix ``module.``.
    untrained : bool
        Whether the checkpoint is marked as a stand-in.
    trained : Trained or None
        What it says about itself; None for a released checkpoint.
    """

    weights: dict[str, torch.Tensor]
    untrained: bool
    trained: Trained | None


def read_state_dict(path: Path) -> tuple[dict[str, torch.Tensor], bool]:
    """Read the weights of a checkpoint, and whether it is marked as a stand-in.

    Parameters
    ----------
    path : Path
        The checkpoint.

    Returns
    -------
    weights : dict of str to Tensor
        On the CPU. The dtype and the shape of each are those of the file.
    stand_in : bool
        Whether the weights are untrained.

    Raises
    ------
    FormatError, CheckpointError
        As ``read_checkpoint``.
    """
    return read_checkpoint(path)[:2]


def read_checkpoint(path: Path) -> Contents:
    """Read a checkpoint: a state dict, bare or under ``state_dict`` with what stands beside it.

    Raises
    ------
    FormatError
        If a newer version of ich wrote it.
    CheckpointError
        If the file is damaged, holds anything but tensors and plain values, or no state dict.
    """
    try:
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
    untrained = bool(nested and checkpoint.get(UNTRAINED_KEY, False))
    return Contents(weights, untrained, from_checkpoint(checkpoint, path) if nested else None)


def require_fit(
    network: Network, weights: dict[str, torch.Tensor], backbone: Backbone, path: Path
) -> None:
    """Check that weights are exactly those of a network, and plain finite numbers.

    Parameters
    ----------
    network : Network
        Says which names and shapes are expected. Its own values do not count.
    weights : dict of str to Tensor
        Of the checkpoint, on the CPU.
    backbone : Backbone
        For the error.
    path : Path
        The checkpoint, for the error.

    Raises
    ------
    CheckpointError
        With the first three keys that are missing, unknown, misshapen or not finite.
    """
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
            remedy="check that the file is in the folder of its own backbone",
        )


def _is_plain(value: torch.Tensor) -> bool:
    return value.is_floating_point() and value.layout == torch.strided and not value.is_meta
