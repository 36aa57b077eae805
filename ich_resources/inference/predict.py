"""Probabilities of all folds of a backbone over one series."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ich_resources.backbones.compiled import CompiledNetwork
from ich_resources.backbones.half_precision import HALF
from ich_resources.backbones.inputs import device_of, to_input
from ich_resources.backbones.kept_features import KEPT
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.backbones.loading import release
from ich_resources.backbones.views import View
from ich_resources.errors import InferenceError
from ich_resources.findings import FoldProbabilities, ViewedFolds
from ich_resources.hemorrhage import CLASSES
from ich_resources.inference.batch_size import BatchLimit
from ich_resources.inference.batches import Planes, run_batches
from ich_resources.preprocessing import SliceContext


@contextmanager
def arithmetic(fold: LoadedFold, device: torch.device) -> Iterator[None]:
    """Set the arithmetic of a fold for its passes. A compiled network has its own.

    tf32 keeps 10 bits of mantissa where tensor cores multiply float32. Elsewhere float32 is exact.

    Parameters
    ----------
    fold : LoadedFold
        Its precision counts.
    device : torch.device
        Of the passes.
    """
    dtype = None if isinstance(fold.network, CompiledNetwork) else HALF.get(fold.precision)
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = (matmul.allow_tf32, cudnn.allow_tf32)
    try:
        if fold.precision == "tf32":
            matmul.allow_tf32 = cudnn.allow_tf32 = True
        with torch.autocast(device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None):
            yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def predict_folds(
    folds: Sequence[LoadedFold],
    crops: npt.NDArray[np.uint8],
    *,
    context: SliceContext,
    batch_size: int | BatchLimit,
    copies: Sequence[Sequence[LoadedFold]] = (),
    keep_features: bool = False,
) -> FoldProbabilities:
    """Score every slice of a series with every fold of one backbone.

    Each network input is made once and goes to all folds. A thread makes the next input while the
    networks work. Each device takes the next batch when it is free.

    Parameters
    ----------
    folds : sequence of LoadedFold
        The folds of one backbone, on one device.
    crops : uint8 array, shape (N, 512, 512)
        The series' slices in order.
    context : {"replicated", "adjacent"}
        Content of the three input channels: one slice, or the slice and its neighbours.
    batch_size : int or BatchLimit
        Slices per network pass; fewer if they do not fit into the memory of the device.
    copies : sequence of sequences of LoadedFold
        The same folds on further devices.
    keep_features : bool
        Keep the feature maps of the first fold for the saliency of the series (``KEPT``).

    Returns
    -------
    FoldProbabilities
        sigmoid(logits), float32, shape (F, N, 6).

    Raises
    ------
    InferenceError
        If a network returns a value that is not finite, or a single slice does not fit into the
        memory of a device.
    ValueError
        If the folds belong to several backbones or have several input sizes, or there are no
        slices.
    """
    for fold in folds[:1]:
        KEPT.forget(fold.network)
    once = partial(_pass, keep=keep_features)
    found = run_batches(folds, crops, context, batch_size, copies, once)
    release(folds)
    return _probabilities(folds, found)


def predict_with_views(
    folds: Sequence[LoadedFold],
    crops: npt.NDArray[np.uint8],
    views: Sequence[View],
    *,
    context: SliceContext,
    batch_size: int | BatchLimit,
    copies: Sequence[Sequence[LoadedFold]] = (),
) -> tuple[FoldProbabilities, ViewedFolds]:
    """Score every slice as ``predict_folds``, and as several views show it.

    Parameters
    ----------
    folds, crops, context, batch_size, copies
        As for ``predict_folds``.
    views : sequence of View
        The first one is that of ``predict_folds``.

    Returns
    -------
    probabilities : FoldProbabilities
        Of the first view: the same numbers as from ``predict_folds``.
    viewed : ViewedFolds
        Probabilities and pooled features, mean over the views.

    Raises
    ------
    InferenceError
        As ``predict_folds``, and if a feature is not finite or too large for float16.
    ValueError
        As ``predict_folds``.
    """
    found = run_batches(folds, crops, context, batch_size, copies, partial(_pass_views, views))
    release(folds)
    width = len(CLASSES)
    with np.errstate(over="ignore"):
        viewed = ViewedFolds(
            np.ascontiguousarray(found[..., width : 2 * width]),
            found[..., 2 * width :].astype(np.float16),
        )
    if not np.isfinite(viewed.features).all():
        raise InferenceError(
            f"{folds[0].file.backbone} gave features that are not finite",
            remedy="check the checkpoints of this backbone, and the device",
        )
    return _probabilities(folds, np.ascontiguousarray(found[..., :width])), viewed


def _probabilities(
    folds: Sequence[LoadedFold], values: npt.NDArray[np.float32]
) -> FoldProbabilities:
    name = folds[0].file.backbone
    if not np.isfinite(values).all():
        raise InferenceError(
            f"{name} gave probabilities that are not finite",
            remedy="check the checkpoints of this backbone, and the device",
        )
    return FoldProbabilities(name, tuple(fold.file.path.name for fold in folds), values)


def _pass(folds: Sequence[LoadedFold], planes: Planes, *, keep: bool) -> Tensor:
    """Return the probabilities, (F, B, 6), of one pass.

    If the pass fails, the end of this function frees its tensors.
    """
    device = device_of(folds[0].network)
    x = to_input(planes, folds[0].network)
    logits = []
    for number, fold in enumerate(folds):
        with arithmetic(fold, device):
            features = fold.network.forward_features(x)
            logits.append(fold.network.forward_head(features).float())
        if keep and number == 0:
            KEPT.keep(fold.network, x, features)
    return torch.sigmoid(torch.stack(logits))


def _pass_views(views: Sequence[View], folds: Sequence[LoadedFold], planes: Planes) -> Tensor:
    """Return (F, B, 6 + 6 + C): probabilities of the first view, means of both over the views."""
    first: list[Tensor] = []
    total = torch.zeros(())
    for view in views:
        values = _pass_with_features(folds, view.apply(planes))
        first = first or [values[..., : len(CLASSES)]]
        total = total.to(values.device) + values
    return torch.cat([*first, total / len(views)], 2)


def _pass_with_features(folds: Sequence[LoadedFold], planes: Planes) -> Tensor:
    """Return probabilities and pooled features, (F, B, 6 + C), of one pass."""
    device = device_of(folds[0].network)
    x = to_input(planes, folds[0].network)
    logits, pooled = [], []
    for fold in folds:
        with arithmetic(fold, device):
            maps = fold.network.forward_features(x)
            logits.append(fold.network.forward_head(maps).float())
            pooled.append(fold.network.pool(maps).float())
    return torch.cat([torch.sigmoid(torch.stack(logits)), torch.stack(pooled)], 2)
