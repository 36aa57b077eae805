"""Predictions of one trained network with test-time augmentation, and its pooled features."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ich_resources.backbones.heads import Network
from ich_resources.backbones.inputs import device_of, to_input
from ich_resources.backbones.recipe_in_file import Trained
from ich_resources.backbones.state_dict import read_checkpoint
from ich_resources.backbones.table import BACKBONES
from ich_resources.backbones.views import FIXED_VIEWS
from ich_resources.errors import CheckpointError, InferenceError
from ich_resources.hemorrhage import CLASSES
from ich_resources.training.arithmetic import autocast, one_device, resolve_precision
from ich_resources.training.batches import made_ahead, workers
from ich_resources.training.initial import load_weights
from ich_resources.training.results import Machine
from ich_resources.training.slices import TrainingSlices
from ich_resources.training.view_options import Tta, ViewOptions
from ich_resources.training.view_planes import PlanesReader


@dataclass(frozen=True)
class ViewPredictions:
    """Predictions of one network.

    Attributes
    ----------
    probabilities : float32 array, shape (V, N, 6)
        Of each view; the first of the fixed views is the plain one.
    features : float16 array, shape (N, C)
        Mean of the pooled features over the views.
    device : str
        For people.
    precision : {"float32", "bfloat16"}
        Arithmetic of the passes.
    """

    probabilities: npt.NDArray[np.float32]
    features: npt.NDArray[np.float16]
    device: str
    precision: Literal["float32", "bfloat16"]

    @property
    def mean(self) -> npt.NDArray[np.float32]:
        """Mean over the views, float32 of shape (N, 6)."""
        return self.probabilities.mean(0, dtype=np.float64).astype(np.float32)


def predict_checkpoint(
    checkpoint: Path,
    backbone: str,
    slices: TrainingSlices,
    options: ViewOptions,
    *,
    machine: Machine | None = None,
    check: Callable[[], None] = lambda: None,
) -> ViewPredictions:
    """Score slices with the network of one checkpoint file.

    Parameters
    ----------
    checkpoint : Path
        The file.
    backbone : str
        Its name in ``BACKBONES``.
    slices : TrainingSlices
        The slices, in order; labels are not looked at.
    options : ViewOptions
        How they are shown.
    machine : Machine, optional
        Where.
    check : callable
        Called before each batch; its error ends the prediction.

    Raises
    ------
    CheckpointError
        If the file does not hold exactly this network's weights, or says that it was trained with
        another input size or slice context.
    DatasetError
        If an image cannot be read.
    InferenceError
        If a value is not finite, or the device is absent.
    """
    machine = machine or Machine()
    content = read_checkpoint(checkpoint)
    if content.trained is not None:
        _require_alike(content.trained, options, checkpoint)
    network = load_weights(content.weights, BACKBONES[backbone], checkpoint)
    network.to(one_device(machine.device)).to(memory_format=torch.channels_last)
    return predict_views(network, slices, options, threads=machine.threads, check=check)


def _require_alike(trained: Trained, options: ViewOptions, path: Path) -> None:
    """Check that slices are shown as in the training.

    Raises
    ------
    CheckpointError
        If they are not.
    """
    was = trained.input_size, trained.slice_context
    if was != (options.input_size, options.slice_context):
        raise CheckpointError(
            f"the checkpoint was trained with input size {was[0]} and slice context {was[1]}, and "
            f"is to predict with {options.input_size} and {options.slice_context}",
            path=path,
            remedy="set input_size and slice_context of the training as they were, or train again",
        )


def predict_views(
    network: Network,
    slices: TrainingSlices,
    options: ViewOptions,
    *,
    threads: int = 4,
    check: Callable[[], None] = lambda: None,
) -> ViewPredictions:
    """Score slices with a network on its device.

    Parameters
    ----------
    network : Network
        In evaluation or training mode; it is left in the mode that it had.
    slices : TrainingSlices
        The slices, in order; labels are not looked at.
    options : ViewOptions
        How they are shown, and the precision.
    threads : int
        Threads that read images.
    check : callable
        Called before each batch; what it raises ends the prediction.

    Returns
    -------
    ViewPredictions
        Probabilities of each view, float32, shape (views, N, 6), and the pooled features,
        float16, shape (N, C).

    Raises
    ------
    DatasetError
        If an image cannot be read.
    InferenceError
        If a value is not finite.
    """
    device = device_of(network)
    precision = resolve_precision(options.precision, device)
    probabilities = np.empty((options.views, len(slices), len(CLASSES)), np.float32)
    features: list[npt.NDArray[np.float16]] = []
    training = network.training
    network.eval()
    try:
        with torch.inference_mode(), autocast(device, precision):
            for rows, planes in _batches(slices, options, threads):
                check()
                values, pooled = _score(network, planes, options.tta)
                probabilities[:, rows.start : rows.stop] = values.cpu().numpy()
                features.append(pooled.half().cpu().numpy())
    finally:
        network.train(training)
    if not np.isfinite(probabilities).all():
        raise InferenceError(
            "the network gave probabilities that are not finite",
            remedy="train with a smaller rate or with clip_norm; check the images of the data set",
        )
    kept = np.concatenate(features) if features else np.empty((0, 0), np.float16)
    return ViewPredictions(probabilities, kept, str(device), precision)


def _batches(
    slices: TrainingSlices, options: ViewOptions, threads: int
) -> Iterator[tuple[range, npt.NDArray[np.uint8]]]:
    """Give the rows of each batch, and its planes: (B, V or 1, 3, S, S)."""
    size = options.batch_size
    parts = [range(start, min(start + size, len(slices))) for start in range(0, len(slices), size)]
    reader = PlanesReader(slices, options.input_size, options.slice_context)

    def make(row: int) -> npt.NDArray[np.uint8]:
        if options.tta == "random10":
            return reader.random_views(row, options.seed)
        return reader.planes(row)[None]

    with workers(threads) as pool:
        for rows, made in zip(parts, made_ahead(parts, make, pool), strict=True):
            yield rows, np.stack(made)


def _shown(planes: npt.NDArray[np.uint8], tta: Tta) -> Iterator[npt.NDArray[np.uint8]]:
    """Give a batch, (B, 3, S, S), in each view."""
    if tta == "random10":
        yield from (np.ascontiguousarray(planes[:, view]) for view in range(planes.shape[1]))
    else:
        yield from (view.apply(planes[:, 0]) for view in FIXED_VIEWS[tta])


def _score(network: Network, planes: npt.NDArray[np.uint8], tta: Tta) -> tuple[Tensor, Tensor]:
    """Return the probabilities, (V, B, 6), and the mean pooled features, (B, C)."""
    scored, pooled = [], []
    for view in _shown(planes, tta):
        maps = network.forward_features(to_input(view, network))
        scored.append(torch.sigmoid(network.forward_head(maps).float()))
        pooled.append(network.pool(maps).float())
    return torch.stack(scored), torch.stack(pooled).mean(0)
