"""Saliency maps of the slices of a series, of one network or of the ensemble."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ich_resources.backbones.inputs import to_input
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.backbones.loading import release
from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import InferenceError
from ich_resources.findings import FloatArray, SliceSaliency, share
from ich_resources.hemorrhage import class_index
from ich_resources.preprocessing import CROP_SIZE, SliceContext, network_planes
from ich_resources.saliency import grad_cam, input_gradient
from ich_resources.saliency.alignment import aligned
from ich_resources.saliency.options import SaliencyOptions

_METHODS = {
    "input_grad": (input_gradient.forward, input_gradient.saliency_map),
    "gradcam": (grad_cam.forward, grad_cam.grad_cam),
    "gradcampp": (grad_cam.forward, grad_cam.grad_cam_plus_plus),
}


def explain_slices(
    folds: Sequence[LoadedFold],
    crops: npt.NDArray[np.uint8],
    wanted: range,
    options: SaliencyOptions,
    *,
    context: SliceContext,
    batch_size: int,
    targets: Sequence[int] | None = None,
) -> Iterator[SliceSaliency]:
    """Make the saliency maps of some slices of a series, in order.

    One forward pass per network and batch gives both probabilities and gradients.

    Parameters
    ----------
    folds : sequence of LoadedFold
        One fold of each backbone. In mode single only one fold.
    crops : uint8 array, shape (N, 512, 512)
        All slices of the series in order.
    wanted : range
        Indices of the slices to explain, with step 1.
    options : SaliencyOptions
        Mode, method, target class, and size of the maps.
    context : {"replicated", "adjacent"}
        Content of the three input channels: one slice, or the slice and its neighbours.
    batch_size : int
        Slices per network pass.
    targets : sequence of int, optional
        Class to explain in each wanted slice, where the options name none. Otherwise it is the
        class that the networks behind the maps find most probable.

    Yields
    ------
    SliceSaliency
        One per wanted slice (docs/reference.md, section 5).

    Raises
    ------
    InferenceError
        If a probability or a map is not finite.
    """
    forward, saliency_map = _METHODS[options.method]
    for start in range(wanted.start, wanted.stop, batch_size):
        rows = slice(start, min(start + batch_size, wanted.stop))
        passes = [forward(f.network, _input(f, crops, rows, options, context)) for f in folds]
        p = {
            fold.file.backbone: torch.sigmoid(logits.detach()).float().cpu().numpy()
            for fold, (logits, _) in zip(folds, passes, strict=True)
        }
        combined = combine(list(p.values()), options.mode)
        given = None if targets is None else targets[start - wanted.start :][: len(combined)]
        explained = _targets(combined, options.target_class, given)
        maps = [
            saliency_map(logits, source, torch.from_numpy(explained).to(logits.device))
            for logits, source in passes
        ]
        stacked = [
            _drawn(m.detach().float().cpu().numpy(), fold, options)
            for fold, m in zip(folds, maps, strict=True)
        ]
        for row, target in enumerate(explained.tolist()):
            slice_map = np.stack([normalised(m[row]) for m in stacked]).mean(0, dtype=np.float32)
            if not np.isfinite(slice_map).all() or not np.isfinite(combined[row]).all():
                raise InferenceError(
                    f"the saliency of slice {rows.start + row} is not finite",
                    remedy="try another saliency method, and check the checkpoints",
                )
            yield SliceSaliency(
                slice_map=slice_map,
                score=float(slice_map.mean()),
                target_class=target,
                combined=combined[row],
                per_backbone={name: values[row] for name, values in p.items()},
            )
    release(folds)


def _targets(
    combined: FloatArray, chosen: str | None, given: Sequence[int] | None
) -> npt.NDArray[np.int64]:
    """Return the class to explain in each slice: the chosen one, the given ones, or the highest."""
    if chosen is not None:
        return np.full(len(combined), class_index(chosen))
    return combined.argmax(1) if given is None else np.asarray(given, np.int64)


def _drawn(maps: FloatArray, fold: LoadedFold, options: SaliencyOptions) -> FloatArray:
    """Return maps, (B, h, w), aligned with the crop where that is asked for.

    An input gradient has a value for each input pixel: it lies where it belongs.
    """
    if not options.align or options.method == "input_grad":
        return maps
    first_cell = BACKBONES[fold.file.backbone].first_cell
    return np.stack([aligned(m, _input_size(fold, options), first_cell) for m in maps])


def combine(probabilities: Sequence[FloatArray], mode: str) -> FloatArray:
    """Combine the probabilities of the backbones, to choose the target class.

    Parameters
    ----------
    probabilities : sequence of float32 array, shape (B, 6)
        sigmoid(logits) of each backbone.
    mode : {"ensemble", "single"}
        ensemble: the mean over backbones of p / sum(p). single: p of the only backbone.

    Returns
    -------
    float32 array, shape (B, 6)
    """
    if mode == "single":
        (only,) = probabilities
        return only
    return np.mean([share(p) for p in probabilities], axis=0, dtype=np.float32)


def normalised(saliency_map: FloatArray) -> FloatArray:
    """Resize a map to the 512 crop and scale it to 0..1.

    Parameters
    ----------
    saliency_map : float32 array, shape (h, w)
        At the size that the method gives.

    Returns
    -------
    float32 array, shape (512, 512)
        0..1; all zero for a constant map.
    """
    resized = cv2.resize(saliency_map, (CROP_SIZE, CROP_SIZE))
    low, high = float(resized.min()), float(resized.max())
    if high <= low:
        return np.zeros((CROP_SIZE, CROP_SIZE), np.float32)
    return np.asarray((resized - low) / (high - low), np.float32)


def _input(
    fold: LoadedFold,
    crops: npt.NDArray[np.uint8],
    rows: slice,
    options: SaliencyOptions,
    context: SliceContext,
) -> torch.Tensor:
    size = _input_size(fold, options)
    return to_input(network_planes(crops, rows, size, context), fold.network)


def _input_size(fold: LoadedFold, options: SaliencyOptions) -> int:
    return options.image_size_override or fold.file.input_size
