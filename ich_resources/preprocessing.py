"""From HU to network input: window, 512 crop, stacking, normalisation.

All values are uint8 until the last step (docs/reference.md, sections 1 and 2). The rounding of each
resize is part of the numbers to reproduce.
"""

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

SliceContext = Literal["replicated", "adjacent"]

CROP_SIZE = 512
"""Edge of the image all backbones and the saliency share, in pixels."""
CROP_FIRST, CROP_LAST = 51, 460
"""Rows and columns of the centre crop 0.8 (409 x 409 of 512 x 512)."""
NORMALISATION_MEAN, NORMALISATION_STD = 0.456, 0.224
"""Mean and standard deviation of the network input, on the 0..1 scale."""
NORMALISED = ((np.arange(256) / 255 - NORMALISATION_MEAN) / NORMALISATION_STD).astype(np.float32)
"""Network input for each gray level: float32, shape (256,)."""


def window_to_uint8(
    hu: npt.NDArray[np.floating], center: float, width: float
) -> npt.NDArray[np.uint8]:
    """Apply a window and stretch the slice to 8 bit.

    Parameters
    ----------
    hu : float array, shape (H, W)
        Hounsfield units.
    center, width : float
        Window in HU; the bounds are ``center - width // 2`` and ``center + width // 2``.

    Returns
    -------
    uint8 array, shape (H, W)
        0..255 between the slice's own minimum and maximum; all zero for a constant slice.

    Notes
    -----
    DICOM PS3.3 C.11.2.1.2 maps the bounds of the window to black and white. The reference uses the
    minimum and maximum of the clipped slice, and so do we (docs/reference.md, section 1).
    """
    low, high = center - width // 2, center + width // 2
    clipped = np.clip(hu, low, high)
    darkest, brightest = clipped.min(), clipped.max()
    if brightest <= darkest:
        return np.zeros(hu.shape, np.uint8)
    return ((clipped - darkest) / (brightest - darkest) * 255).astype(np.uint8)


def centre_crop(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the 512 crop that all backbones and the saliency share.

    Parameters
    ----------
    image : uint8 array, shape (H, W)
        A windowed slice at its native size.

    Returns
    -------
    uint8 array, shape (512, 512)
        Resized to 512, centre crop 0.8, resized to 512 (docs/reference.md, section 2).
    """
    full = cv2.resize(image, (CROP_SIZE, CROP_SIZE))
    crop = full[CROP_FIRST:CROP_LAST, CROP_FIRST:CROP_LAST]
    return np.asarray(cv2.resize(crop, (CROP_SIZE, CROP_SIZE)), np.uint8)


def network_planes(
    crops: npt.NDArray[np.uint8],
    rows: slice,
    size: int,
    context: SliceContext,
) -> npt.NDArray[np.uint8]:
    """Return some slices of a series at the size of a network's input, still as gray levels.

    Parameters
    ----------
    crops : uint8 array, shape (N, 512, 512)
        All slices of the series, in series order.
    rows : slice
        The slices wanted (B of them), with step 1.
    size : int
        Edge S of the network input in pixels.
    context : {"replicated", "adjacent"}
        One plane, which means three equal channels, or the neighbours (i+1, i, i-1) with
        the ends clamped.

    Returns
    -------
    uint8 array, shape (B, 1, S, S) or (B, 3, S, S)
    """
    indices = np.arange(len(crops))[rows]
    if context == "adjacent":
        shifts = np.stack([indices + 1, indices, indices - 1], 1)
        channels = shifts.clip(0, len(crops) - 1)
    else:
        channels = indices[:, None]
    resized = {i: cv2.resize(crops[i], (size, size)) for i in np.unique(channels).tolist()}
    planes = np.empty((*channels.shape, size, size), np.uint8)
    for row, wanted in enumerate(channels.tolist()):
        for channel, index in enumerate(wanted):
            planes[row, channel] = resized[index]
    return planes


def network_input(
    crops: npt.NDArray[np.uint8],
    rows: slice,
    size: int,
    context: SliceContext,
) -> npt.NDArray[np.float32]:
    """Return the network input of some slices of a series.

    Parameters
    ----------
    crops : uint8 array, shape (N, 512, 512)
        All slices of the series, in series order.
    rows : slice
        The slices wanted (B of them), with step 1.
    size : int
        Edge S of the network input in pixels.
    context : {"replicated", "adjacent"}
        Three equal channels, or the neighbours (i+1, i, i-1) with the ends clamped.

    Returns
    -------
    float32 array, shape (B, 3, S, S)
        ``(x / 255 - 0.456) / 0.224``.
    """
    seen = NORMALISED[network_planes(crops, rows, size, context)]
    return np.ascontiguousarray(np.broadcast_to(seen, (len(seen), 3, size, size)))
