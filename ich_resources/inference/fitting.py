"""Find by trial how many slices fit into the memory of a GPU."""

import json
from collections.abc import Sequence
from functools import partial

import torch

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.inputs import device_of
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.backbones.table import Precision
from ich_resources.errors import DEVICE, InferenceError
from ich_resources.inference.batch_size import largest_that_fits
from ich_resources.inference.predict import arithmetic


def machine_key(
    device: torch.device,
    files: Sequence[Sequence[CheckpointFile]],
    precision: Precision,
    most: int,
) -> str:
    """Return everything that the largest batch size depends on, as JSON text.

    Parameters
    ----------
    device : torch.device
        A CUDA device.
    files : sequence of sequences of CheckpointFile
        The folds of each backbone.
    precision : {"float32", "tf32", "bfloat16", "float16"}
        Arithmetic of the passes.
    most : int
        The largest size that is tried.

    References
    ----------
    docs/reference.md, section 4
    """
    card = torch.cuda.get_device_properties(device)
    ensemble = {folds[0].backbone: [folds[0].input_size, len(folds)] for folds in files}
    return json.dumps(
        {
            "gpu": card.name,
            "memory_bytes": card.total_memory,
            "backbones": ensemble,
            "precision": precision,
            "largest": most,
        },
        sort_keys=True,
    )


def largest_batch(backbones: Sequence[Sequence[LoadedFold]], most: int) -> int:
    """Return the largest batch size that fits for every backbone while all networks are loaded.

    Parameters
    ----------
    backbones : sequence of sequences of LoadedFold
        The folds of each backbone, on one device.
    most : int
        Upper limit of the result.

    Raises
    ------
    InferenceError
        If a single slice does not fit.
    """
    sizes = [largest_that_fits(partial(_fits, folds[0]), most) for folds in backbones]
    if min(sizes) < 1:
        raise InferenceError(
            "the GPU's memory does not hold the networks and a single slice",
            remedy="free it of other programs, or set device to cpu",
            code=DEVICE,
        )
    return min(sizes)


def _fits(fold: LoadedFold, slices: int) -> bool:
    fits = True
    try:
        _try(fold, slices)
    except torch.OutOfMemoryError:
        fits = False
    torch.cuda.empty_cache()
    return fits


def _try(fold: LoadedFold, slices: int) -> None:
    """Make one pass. If it fails, the end of this function frees its tensors."""
    device = device_of(fold.network)
    size = fold.file.input_size
    with torch.inference_mode(), arithmetic(fold, device):
        x = torch.zeros(slices, 3, size, size, device=device)
        fold.network(x.contiguous(memory_format=fold.network.memory_format))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
