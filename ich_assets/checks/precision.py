"""What a lower precision costs: a sample of slices is scored again in float32."""

import numpy as np

from ich_resources.findings import FloatArray, FoldProbabilities
from ich_resources.hemorrhage import ANY
from ich_resources.inference.resource import NetworksResource
from ich_resources.series_images import SeriesImages

LOGIT_BOUND = 0.1
"""Largest change of a logit: 0.025 of a probability of 0.5."""
SHARE_BOUND = 0.05
"""Largest share of the logits that may change by more."""
SAMPLE = 6
"""Number of slices: half of them have a P(any) near 0.5, the others lie apart in the series."""


def sampled_slices(probabilities: FloatArray) -> list[int]:
    """Return the slices that are scored again: where a change counts most, and all through.

    Parameters
    ----------
    probabilities : float32 array, shape (N, 6)
        Of the fold that is compared.

    Returns
    -------
    list of int
        Indices, in order.
    """
    undecided = np.argsort(np.abs(probabilities[:, ANY] - 0.5), kind="stable")[: SAMPLE // 2]
    apart = np.linspace(0, len(probabilities) - 1, SAMPLE // 2 + 2).round()[1:-1]
    return sorted({*map(int, undecided), *map(int, apart)})


def logits(probabilities: FloatArray) -> FloatArray:
    """Return log(p / (1 - p)); p is held between 1e-6 and 1 - 1e-6.

    Parameters
    ----------
    probabilities : float32 array
        0..1, of any shape.

    Returns
    -------
    float64 array
        Within -13.8..13.8, in the shape of the probabilities.
    """
    held = np.clip(probabilities.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.log(held) - np.log1p(-held)


def changes(
    networks: NetworksResource, found: FoldProbabilities, images: SeriesImages
) -> FloatArray:
    """Return how far the logits of the first fold lie from those in float32.

    Parameters
    ----------
    networks : NetworksResource
        They score the sample.
    found : FoldProbabilities
        Of one backbone, in the lower precision.
    images : SeriesImages
        The series.

    Returns
    -------
    float64 array, shape (sampled slices, 6)
        Absolute differences.
    """
    (backbone,) = (each for each in networks.chosen if each.name == found.backbone)
    files = networks.checkpoints(backbone)[:1]
    exact = networks.runner.load(files, precision="float32")
    beside = int(networks.context_of(files) == "adjacent")  # then a network sees its neighbours
    first = found.probabilities[0]
    sample = sampled_slices(first)
    rows = []
    for index in sample:
        near = slice(max(index - beside, 0), index + beside + 1)
        part = SeriesImages(images.sop_instance_uids[near], images.crops[near])
        rows.append(networks.runner.predict(exact, part).probabilities[0, index - near.start])
    return np.abs(logits(first[sample]) - logits(np.stack(rows)))
