"""Probabilities of all folds of a backbone over one series."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ich_resources.backbones.compiled import CompiledNetwork
from ich_resources.backbones.loading import LoadedFold
from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import InferenceError
from ich_resources.findings import FoldProbabilities
from ich_resources.hemorrhage import CLASSES
from ich_resources.preprocessing import SliceContext, network_input


def arithmetic(fold: LoadedFold, device: torch.device) -> torch.autocast:
    """Return the context of a fold's passes; a compiled network brings its own arithmetic."""
    half = not isinstance(fold.network, CompiledNetwork) and fold.precision != "float32"
    dtype = torch.float16 if fold.precision == "float16" else torch.bfloat16
    return torch.autocast(device.type, dtype=dtype, enabled=half)


def predict_folds(
    folds: Sequence[LoadedFold],
    crops: npt.NDArray[np.uint8],
    *,
    context: SliceContext,
    batch_size: int,
) -> FoldProbabilities:
    """Score every slice of a series with every fold of one backbone.

    Each network input is made once and seen by all folds.

    Parameters
    ----------
    folds : sequence of LoadedFold
        The folds of one backbone, on one device.
    crops : uint8 array, shape (N, 512, 512)
        The series' slices in order.
    context : {"replicated", "adjacent"}
        What the three channels hold.
    batch_size : int
        Slices per network pass.

    Returns
    -------
    FoldProbabilities
        sigmoid(logits), float32, shape (F, N, 6).

    Raises
    ------
    InferenceError
        If a network gives a value that is not finite.
    """
    names = {fold.file.backbone for fold in folds}
    if len(names) != 1 or not len(crops):
        raise ValueError(f"one backbone and at least one slice, not {names} and {len(crops)}")
    (name,) = names
    device = next(folds[0].network.parameters()).device
    probabilities = np.empty((len(folds), len(crops), len(CLASSES)), np.float32)
    with torch.inference_mode():
        for start in range(0, len(crops), batch_size):
            rows = slice(start, start + batch_size)
            batch = network_input(crops, rows, BACKBONES[name].input_size, context)
            x = torch.from_numpy(batch).to(device, memory_format=torch.channels_last)
            for index, fold in enumerate(folds):
                with arithmetic(fold, device):
                    logits = fold.network(x).float()
                probabilities[index, rows] = torch.sigmoid(logits).cpu().numpy()
    if not np.isfinite(probabilities).all():
        raise InferenceError(
            f"{name} gave probabilities that are not finite",
            remedy="check the checkpoints of this backbone, and the device",
        )
    return FoldProbabilities(name, tuple(fold.file.path.name for fold in folds), probabilities)
