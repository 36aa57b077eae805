"""All batches of a series through the folds of a backbone, on every device."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ich_resources.backbones.inputs import device_of
from ich_resources.backbones.loaded import LoadedFold
from ich_resources.errors import DEVICE, InferenceError
from ich_resources.inference.batch_size import BatchLimit
from ich_resources.preprocessing import SliceContext, network_planes

Planes = npt.NDArray[np.uint8]
Scored = tuple[slice, npt.NDArray[np.float32]]
Pass = Callable[[Sequence[LoadedFold], Planes], Tensor]
"""Folds and planes of a batch -> values, float32 of shape (F, B, values)."""


def run_batches(
    folds: Sequence[LoadedFold],
    crops: npt.NDArray[np.uint8],
    context: SliceContext,
    batch_size: int | BatchLimit,
    copies: Sequence[Sequence[LoadedFold]],
    once: Pass,
) -> npt.NDArray[np.float32]:
    """Return the values of a pass for every fold and slice.

    Parameters
    ----------
    folds, crops, context, batch_size, copies
        As for ``predict.predict_folds``.
    once : Pass
        What one pass computes.

    Returns
    -------
    float32 array, shape (F, N, values)

    Raises
    ------
    InferenceError
        If a single slice does not fit into the memory of a device.
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
