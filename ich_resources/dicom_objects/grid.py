"""Saliency maps on the grid of their source slices."""

import cv2
import numpy as np
import numpy.typing as npt

from ich_resources.preprocessing import CROP_FIRST, CROP_LAST, CROP_SIZE


def on_source_grid(kept: npt.NDArray[np.uint8], rows: int, columns: int) -> npt.NDArray[np.float32]:
    """Return a kept map on the pixels of its slice, zero outside of the crop.

    The way back of ``preprocessing.centre_crop``: 409 pixels of a frame of 512, which has the size
    of the slice.

    Parameters
    ----------
    kept : uint8 array, shape (256, 256)
        255 for 1.
    rows, columns : int
        Size of the slice.

    Returns
    -------
    float32 array, shape (rows, columns)
        0..1.
    """
    edge = CROP_LAST - CROP_FIRST
    frame = np.zeros((CROP_SIZE, CROP_SIZE), np.float32)
    crop = cv2.resize(kept.astype(np.float32) / 255, (edge, edge), interpolation=cv2.INTER_LINEAR)
    frame[CROP_FIRST:CROP_LAST, CROP_FIRST:CROP_LAST] = crop
    return np.asarray(cv2.resize(frame, (columns, rows)), np.float32).clip(0, 1)
