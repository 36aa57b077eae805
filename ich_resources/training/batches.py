"""Batches that threads decode and augment ahead of the network.

OpenCV lets other threads run while it works, so no worker processes are needed.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ich_resources.training.augment import augment
from ich_resources.training.images import read_stack
from ich_resources.training.recipe import Recipe
from ich_resources.training.sampling import batch_positions, draw_centre, epoch_order, neighbours
from ich_resources.training.seeds import sample_generator
from ich_resources.training.slices import TrainingSlices

Item = TypeVar("Item")
Made = TypeVar("Made")

AHEAD = 2
"""Batches that are made while the network works on another."""


@dataclass(frozen=True)
class Batch:
    """One batch of a training.

    Attributes
    ----------
    planes : uint8 array, shape (B, 3, S, S)
        Gray levels, augmented.
    labels : float32 array, shape (B, 6)
        1, 0, or NaN where a class was not read.
    """

    planes: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.float32]


@contextmanager
def workers(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads that make batches; batches that are not begun are dropped at the end."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="batches")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def training_batches(
    slices: TrainingSlices, recipe: Recipe, epoch: int, pool: ThreadPoolExecutor
) -> Generator[Batch]:
    """Make the batches of an epoch, in order.

    Parameters
    ----------
    slices : TrainingSlices
        What is trained on.
    recipe : Recipe
        Sampling, augmentation, size, batch.
    epoch : int
        From 0.
    pool : ThreadPoolExecutor
        From ``workers``. The number of its threads changes no batch.

    Yields
    ------
    Batch

    Raises
    ------
    DatasetError
        If an image cannot be read.
    """
    order = epoch_order(slices, recipe, epoch)

    def make(position: int) -> tuple[int, npt.NDArray[np.uint8]]:
        rng = sample_generator(recipe, epoch, position)
        rows = order[position]
        centre = draw_centre(slices, rows, rng, last_slice=recipe.last_slice)
        channels = neighbours(centre, rows, recipe.slice_context)
        stack = read_stack(slices.images[row] for row in channels)
        return centre, augment(stack, recipe.input_size, recipe.augment, rng)

    for made in made_ahead(batch_positions(len(order), recipe.batch_size), make, pool):
        rows = [row for row, _ in made]
        yield Batch(np.stack([planes for _, planes in made]), slices.labels[rows])


def made_ahead(
    batches: Sequence[Sequence[Item]], make: Callable[[Item], Made], pool: ThreadPoolExecutor
) -> Generator[list[Made]]:
    """Make the items of each batch in threads, some batches ahead; the order stays.

    Parameters
    ----------
    batches : sequence of sequences
        The items of each batch.
    make : callable
        Called once for each item. Its error is raised here.
    pool : ThreadPoolExecutor
        Where it is called.

    Yields
    ------
    list
        What was made of one batch.
    """
    begun: deque[list[Future[Made]]] = deque()
    todo = iter(batches)
    try:
        while True:
            while len(begun) <= AHEAD and (batch := next(todo, None)) is not None:
                begun.append([pool.submit(make, item) for item in batch])
            if not begun:
                return
            yield [future.result() for future in begun.popleft()]
    finally:
        for future in (future for batch in begun for future in batch):
            future.cancel()
