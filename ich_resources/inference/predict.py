"""Probabilities of all folds of a backbone over one series."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ich_resources.backbones.compiled import CompiledNetwork
from ich_resources.backbones.inputs import device_of, to_input
from ich_resources.backbones.loading import LoadedFold
from ich_resources.backbones.views import View
from ich_resources.errors import DEVICE, InferenceError
from ich_resources.findings import FoldProbabilities, ViewedFolds
from ich_resources.hemorrhage import CLASSES
from ich_resources.inference.batch_size import BatchLimit
from ich_resources.preprocessing import SliceContext, network_planes

Planes = npt.NDArray[np.uint8]
Scored = tuple[slice, npt.NDArray[np.float32]]
Pass = Callable[[Sequence[LoadedFold], Planes], Tensor]
"""Folds and planes of a batch -> values, float32 of shape (F, B, values)."""


def arithmetic(fold: LoadedFold, device: torch.device) -> torch.autocast:
    """Return the autocast context for a fold. A compiled network has its own arithmetic."""
    half = not isinstance(fold.network, CompiledNetwork) and fold.precision != "float32"
    dtype = torch.float16 if fold.precision == "float16" else torch.bfloat16
    return torch.autocast(device.type, dtype=dtype, enabled=half)


def predict_folds(
    folds: Sequence[LoadedFold],
    crops: npt.NDArray[np.uint8],
    *,
    context: SliceContext,
    batch_size: int | BatchLimit,
    copies: Sequence[Sequence[LoadedFold]] = (),
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
    found = _run(folds, crops, context, batch_size, copies, _pass)
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
    found = _run(folds, crops, context, batch_size, copies, partial(_pass_views, views))
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


def _run(
    folds: Sequence[LoadedFold],
    crops: npt.NDArray[np.uint8],
    context: SliceContext,
    batch_size: int | BatchLimit,
    copies: Sequence[Sequence[LoadedFold]],
    once: Pass,
) -> npt.NDArray[np.float32]:
    """Return the values of a pass for every fold and slice: float32, shape (F, N, values).

    Raises
    ------
    ValueError
        If the folds belong to several backbones or have several input sizes, or there are no
        slices.
    """
    inputs = {(fold.file.backbone, fold.file.input_size) for fold in folds}
    if len(inputs) != 1 or not len(crops):
        raise ValueError(
            "predict_folds needs one backbone and at least one slice, all of one input size, not "
            f"{inputs} and {len(crops)}"
        )
    ((_, size),) = inputs
    limit = BatchLimit(batch_size) if isinstance(batch_size, int) else batch_size
    todo: SimpleQueue[slice] = SimpleQueue()
    for start in range(0, len(crops), limit.size):
        todo.put(slice(start, start + limit.size))

    def planes(rows: slice) -> Planes:
        return network_planes(crops, rows, size, context)

    def work(loaded: Sequence[LoadedFold]) -> list[Scored]:
        with torch.inference_mode(), ThreadPoolExecutor(1) as ahead:
            batches = _made_ahead(ahead, planes, _taken(todo))
            scored = [(rows, _score(loaded, made, limit, once)) for rows, made in batches]
            # cpu() waits for the GPU, so it comes after all passes have been queued.
            return [(rows, values.cpu().numpy()) for rows, values in scored]

    parts = [found for part in _side_by_side(work, [folds, *copies]) for found in part]
    parts.sort(key=lambda part: part[0].start)
    return np.concatenate([values for _, values in parts], 1)


def _score(folds: Sequence[LoadedFold], planes: Planes, limit: BatchLimit, once: Pass) -> Tensor:
    """Return the values of a batch on the device. A full memory leads to smaller passes.

    Raises
    ------
    InferenceError
        If a single slice does not fit into the memory.
    """
    scored: list[Tensor] = []
    start = 0
    while start < len(planes):
        part = planes[start : start + limit.size]
        try:
            scored.append(once(folds, part))
        except torch.OutOfMemoryError as err:
            if len(part) == 1:
                raise InferenceError(
                    f"the memory of {device_of(folds[0].network)} does not hold a single slice",
                    remedy="free it of other programs, or set device to cpu",
                    code=DEVICE,
                ) from err
        else:
            start += len(part)
            continue
        torch.cuda.empty_cache()
        limit.shrink(len(part) // 2)
    return torch.cat(scored, 1)


def _pass(folds: Sequence[LoadedFold], planes: Planes) -> Tensor:
    """Return the probabilities, (F, B, 6), of one pass.

    If the pass fails, the end of this function frees its tensors.
    """
    device = device_of(folds[0].network)
    x = to_input(planes, folds[0].network)
    logits = []
    for fold in folds:
        with arithmetic(fold, device):
            logits.append(fold.network(x).float())
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


def _side_by_side(
    work: Callable[[Sequence[LoadedFold]], list[Scored]], devices: Sequence[Sequence[LoadedFold]]
) -> Iterator[list[Scored]]:
    """Run ``work`` for each device, in a thread each; one device gets no thread.

    PyTorch keeps a pool of threads for every thread that calls it.
    """
    if len(devices) == 1:
        yield work(devices[0])
        return
    with ThreadPoolExecutor(len(devices)) as pool:
        yield from pool.map(work, devices)


def _taken(todo: "SimpleQueue[slice]") -> Iterator[slice]:
    while True:
        try:
            yield todo.get_nowait()
        except Empty:
            return


def _made_ahead(
    pool: ThreadPoolExecutor, make: Callable[[slice], Planes], rows: Iterable[slice]
) -> Iterator[tuple[slice, Planes]]:
    """Make each input while the previous one is in use. At most two are in memory."""
    waiting = None
    for part in rows:
        following = (part, pool.submit(make, part))
        if waiting is not None:
            yield waiting[0], waiting[1].result()
        waiting = following
    if waiting is not None:
        yield waiting[0], waiting[1].result()
