"""Which slices an epoch visits, and in what order; a pure function of the recipe's numbers."""

import numpy as np
import numpy.typing as npt

from ich_resources.preprocessing import SliceContext
from ich_resources.training.recipe import TIMES_PER_EPOCH, Recipe
from ich_resources.training.seeds import order_generator
from ich_resources.training.slices import TrainingSlices


def centre_weights(slices: int, *, last_slice: bool = True) -> npt.NDArray[np.int64]:
    """Return the weight with which each slice of a series is drawn as a centre.

    Parameters
    ----------
    slices : int
        Slices n of the series.
    last_slice : bool
        Whether the last slice may be a centre. The reference takes 0..n-2 alone.

    Returns
    -------
    int64 array, shape (L,)
        ``max(1, i // 4)`` up to the middle, else ``max(1, (L - i) // 4)``; L = n with the last
        slice and n - 1 without. Empty where there is no centre.
    """
    length = slices if last_slice else slices - 1
    i = np.arange(max(length, 0))
    nearer_end = np.where(i <= length / 2, i, length - i)
    return np.maximum(1, nearer_end // 4)


def neighbours(row: int, rows: range, context: SliceContext) -> tuple[int, int, int]:
    """Return the rows of the three channels of a slice.

    Parameters
    ----------
    row : int
        The centre i.
    rows : range
        The rows of its series.
    context : {"adjacent", "replicated"}
        (i+1, i, i-1) with the ends clamped, or (i, i, i).
    """
    if context == "replicated":
        return row, row, row
    return min(row + 1, rows[-1]), row, max(row - 1, rows[0])


def series_weights(
    slices: TrainingSlices, rows: range, *, last_slice: bool
) -> npt.NDArray[np.int64]:
    """Return the weights of ``centre_weights``, with 0 for slices that have no label.

    Parameters
    ----------
    slices : TrainingSlices
        ``labelled`` says which slices have a label.
    rows : range
        The rows of one series.
    last_slice : bool
        Whether the last slice may be a centre.

    Returns
    -------
    int64 array, shape (L,)
        L as in ``centre_weights``. All 0 where the series has no possible centre.
    """
    weights = centre_weights(len(rows), last_slice=last_slice)
    return weights * slices.labelled[rows.start : rows.start + len(weights)]


def epoch_order(slices: TrainingSlices, recipe: Recipe, epoch: int) -> list[range]:
    """Return the series that an epoch visits, in order: each four times, shuffled.

    Parameters
    ----------
    slices : TrainingSlices
        A series without a possible centre is left out.
    recipe : Recipe
        Its seed, backbone, fold and ``last_slice``.
    epoch : int
        From 0.

    Returns
    -------
    list of range
        The rows of the series at each position.
    """
    usable = usable_series(slices, last_slice=recipe.last_slice)
    order = order_generator(recipe, epoch).permutation(len(usable) * TIMES_PER_EPOCH)
    return [usable[int(number) // TIMES_PER_EPOCH] for number in order]


def usable_series(slices: TrainingSlices, *, last_slice: bool) -> list[range]:
    """Return the rows of each series that has at least one possible centre."""
    return [
        rows for rows in slices.ranges if series_weights(slices, rows, last_slice=last_slice).any()
    ]


def draw_centre(
    slices: TrainingSlices, rows: range, rng: np.random.Generator, *, last_slice: bool
) -> int:
    """Draw the row of a centre from the rows of a series.

    Parameters
    ----------
    slices : TrainingSlices
        ``labelled`` says which slices have a label.
    rows : range
        The rows of one series, from ``usable_series``.
    rng : numpy Generator
        From ``sample_generator``. One number is drawn.
    last_slice : bool
        Whether the last slice may be a centre.
    """
    weights = series_weights(slices, rows, last_slice=last_slice)
    return rows[int(rng.choice(len(weights), p=weights / weights.sum()))]


def batch_positions(samples: int, batch_size: int) -> list[range]:
    """Return the positions of each batch of an epoch; a last batch of one sample is left out."""
    batches = [
        range(start, min(start + batch_size, samples)) for start in range(0, samples, batch_size)
    ]
    return [batch for batch in batches if len(batch) >= 2]
