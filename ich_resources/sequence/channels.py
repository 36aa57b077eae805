"""What the sequence network sees of a series: features of one width, and channels per class."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ich_resources.findings import FloatArray

FEATURE_WIDTH = 2048
"""Width that the features of every base network are padded to."""
DZ_UNIT = "mm"
"""Unit of the distances between slices, as a checkpoint names it."""

Features = npt.NDArray[np.float16]


def pad_features(features: Sequence[Features]) -> Features:
    """Put the features of the base networks side by side, with zeros behind the narrower ones.

    Parameters
    ----------
    features : sequence of float16 array, shape (L, C)
        One per base network, in their order; C is at most 2048.

    Returns
    -------
    float16 array, shape (L, M, 2048)

    Raises
    ------
    ValueError
        If one is wider than 2048, or their lengths differ.
    """
    length = len(features[0])
    padded = np.zeros((length, len(features), FEATURE_WIDTH), np.float16)
    for network, values in enumerate(features):
        if values.ndim != 2 or len(values) != length or values.shape[1] > FEATURE_WIDTH:
            raise ValueError(f"features of shape {values.shape} for {length} slices")
        padded[:, network, : values.shape[1]] = values
    return padded


def slice_distances(positions: npt.NDArray[np.float64]) -> FloatArray:
    """Return the distance to the next slice, in mm; the last one is repeated.

    Parameters
    ----------
    positions : float64 array, shape (L,)
        Position of each slice along the normal, in mm.

    Returns
    -------
    float32 array, shape (L,)
        ``positions[i + 1] - positions[i]``; 0 for a single slice.
    """
    if len(positions) < 2:
        return np.zeros(len(positions), np.float32)
    steps = np.diff(positions)
    return np.append(steps, steps[-1]).astype(np.float32)


def input_channels(probabilities: FloatArray, positions: npt.NDArray[np.float64]) -> FloatArray:
    """Return the channels of each slice and class.

    Parameters
    ----------
    probabilities : float32 array, shape (M, L, 6)
        Of each base network, in their order.
    positions : float64 array, shape (L,)
        In mm; see ``slice_distances``.

    Returns
    -------
    float32 array, shape (L, 6, 2M + 2)
        Mean over the networks; M differences ``p[j] - p[(j + 1) % M]``; the M probabilities; the
        distance to the next slice, the same for all classes.
    """
    networks, length, classes = probabilities.shape
    channels = np.empty((length, classes, 2 * networks + 2), np.float32)
    by_class = np.moveaxis(probabilities, 0, -1)
    channels[..., 0] = by_class.mean(-1)
    channels[..., 1 : networks + 1] = by_class - np.roll(by_class, -1, -1)
    channels[..., networks + 1 : -1] = by_class
    channels[..., -1] = slice_distances(positions)[:, None]
    return channels
