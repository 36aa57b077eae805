"""Training samples of the sequence models, and their batches (docs/reference.md, section 8)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ich_resources.errors import IchError
from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import CLASSES
from ich_resources.sequence.channels import Features, input_channels, pad_features
from ich_resources.sequence.recipe import Padding, SequenceRecipe

LONGEST = 24
"""Slices of a training sample; of a longer one a window is taken."""
THINNED_ABOVE = 10
"""Samples of more slices are thinned out to every second slice, with probability 0.5."""


@dataclass(frozen=True)
class ScoredSeries:
    """One series as the 2D networks have scored it, in the order of its slices.

    Attributes
    ----------
    features : tuple of float16 array, shape (L, C)
        Pooled features of each base network; they may be mapped from disk.
    probabilities : float32 array, shape (M, L, 6)
        Of each base network.
    positions : float64 array, shape (L,)
        Along the slice normal, in mm.
    labels : float32 array, shape (L, 6)
        0, 1, or NaN where the class was not read; NaN alone where nothing is known.

    Raises
    ------
    ValueError
        If the lengths differ.
    """

    features: tuple[Features, ...]
    probabilities: FloatArray
    positions: npt.NDArray[np.float64]
    labels: FloatArray

    def __post_init__(self) -> None:
        networks, length = len(self.features), len(self.positions)
        shapes = (self.probabilities.shape, self.labels.shape)
        expected = ((networks, length, len(CLASSES)), (length, len(CLASSES)))
        if shapes != expected or {len(values) for values in self.features} != {length}:
            raise ValueError(f"a series of {length} slices has arrays of other lengths: {shapes}")

    def __len__(self) -> int:
        return len(self.positions)


class Sample(NamedTuple):
    """Input and labels of one series, or of a batch with one more axis in front.

    Attributes
    ----------
    features : float16 array, shape (L, M, 2048)
    channels : float32 array, shape (L, 6, 2M + 2)
    labels : float32 array, shape (L, 6)
    """

    features: Features
    channels: FloatArray
    labels: FloatArray


class Part(NamedTuple):
    """Which slices of a series a sample has: every ``step``-th from ``first``, of these a window.

    Attributes
    ----------
    first, step : int
        Chosen before the distances of slices are taken.
    window : slice
        Chosen after that.
    backwards : bool
        Whether the sample is turned round; distances keep their sign.
    """

    first: int
    step: int
    window: slice
    backwards: bool

    @property
    def length(self) -> int:
        """Number of slices."""
        return int(self.window.stop - self.window.start)


def draw_part(length: int, random: np.random.Generator) -> Part:
    """Draw the slices of a training sample.

    Parameters
    ----------
    length : int
        Slices of the series.
    random : numpy Generator
        Four draws are taken, whatever the length.
    """
    thin, parity, place, turn = random.random(4)
    step = 2 if length > THINNED_ABOVE and thin < 0.5 else 1
    first = int(parity < 0.5) if step == 2 else 0
    left = len(range(first, length, step))
    start = int(place * (left - LONGEST + 1)) if left > LONGEST else 0
    return Part(first, step, slice(start, min(start + LONGEST, left)), bool(turn < 0.5))


def make_sample(series: ScoredSeries, part: Part | None = None) -> Sample:
    """Return the sample of a series; without a part all of it, forward."""
    part = part or Part(0, 1, slice(0, len(series)), False)
    kept = slice(part.first, None, part.step)
    channels = input_channels(series.probabilities[:, kept], series.positions[kept])
    sample = Sample(
        pad_features([values[kept][part.window] for values in series.features]),
        channels[part.window],
        series.labels[kept][part.window],
    )
    return turned(sample) if part.backwards else sample


def turned(sample: Sample) -> Sample:
    """Return a sample with its slices in reverse; distances keep their sign."""
    return Sample(sample.features[::-1], sample.channels[::-1], sample.labels[::-1])


def stacked(samples: Sequence[Sample], length: int | None = None) -> Sample:
    """Return samples as a batch.

    Parameters
    ----------
    samples : sequence of Sample
        Of equal length, where ``length`` is None.
    length : int, optional
        Zeros are appended to this number of slices, also to the labels.
    """
    if length is not None:
        samples = [_appended(sample, length) for sample in samples]
    return Sample(
        np.stack([sample.features for sample in samples]),
        np.stack([sample.channels for sample in samples]),
        np.stack([sample.labels for sample in samples]),
    )


def _appended(sample: Sample, length: int) -> Sample:
    missing = (0, length - len(sample.labels))
    return Sample(
        np.pad(sample.features, [missing, (0, 0), (0, 0)]),
        np.pad(sample.channels, [missing, (0, 0), (0, 0)]),
        np.pad(sample.labels, [missing, (0, 0)]),
    )


def require_enough(series: int, batch_size: int) -> None:
    """Check that a training has as many series as one batch.

    Raises
    ------
    IchError
        If it has fewer.
    """
    if series < batch_size:
        raise IchError(
            f"{series} series are fewer than one batch of {batch_size}",
            remedy=f"set sequence.batch_size to at most {series}, or give more series",
        )


def epoch_batches(
    series: Sequence[ScoredSeries], recipe: SequenceRecipe, epoch: int
) -> Iterator[Sample]:
    """Yield the batches of an epoch; they depend on seed, fold, epoch and the series alone.

    Every series is drawn once. A batch that would hold one sample is left out, since batch norm
    needs two.

    Parameters
    ----------
    series : sequence of ScoredSeries
        Those that train.
    recipe : SequenceRecipe
        Its batch size, padding and seed.
    epoch : int
        Its number, from 0.

    Raises
    ------
    IchError
        If there are fewer series than one batch.
    """
    require_enough(len(series), recipe.batch_size)
    random = np.random.default_rng([recipe.seed, recipe.fold, epoch])
    parts = [draw_part(len(one), random) for one in series]
    order = random.permutation(len(series)).tolist()
    batches = _grouped(order, [part.length for part in parts], recipe.batch_size, recipe.padding)
    for index in random.permutation(len(batches)).tolist():
        samples = [make_sample(series[row], parts[row]) for row in batches[index]]
        yield stacked(samples, LONGEST if recipe.padding == "zeros" else None)


def _grouped(
    order: Sequence[int], lengths: Sequence[int], batch_size: int, padding: Padding
) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for row in order:
        groups.setdefault(0 if padding == "zeros" else lengths[row], []).append(row)
    batches = [
        group[start : start + batch_size]
        for group in groups.values()
        for start in range(0, len(group), batch_size)
    ]
    return [batch for batch in batches if len(batch) > 1]
