"""Checks of the arrays that become pictures."""

from typing import Any

import numpy as np
import numpy.typing as npt

SIZE = 512
"""Rows and columns of the crop and of its saliency map, in pixels."""


def check_gray(gray: npt.NDArray[np.uint8], shape: tuple[int, ...] = (SIZE, SIZE)) -> None:
    """Check that an array is a slice image: the crop, or one of another shape.

    Parameters
    ----------
    gray : uint8 array
        The array to check.
    shape : tuple of int
        The shape it must have.

    Raises
    ------
    ValueError
        If it is not uint8 or not of that shape.
    """
    if gray.dtype != np.uint8 or gray.shape != shape:
        raise ValueError(f"slice image is {gray.dtype} {gray.shape}, not uint8 {shape}")


def check_unit_range(values: npt.NDArray[Any], shape: tuple[int, ...], name: str) -> None:
    """Check that an array has a shape and values in 0..1.

    Parameters
    ----------
    values : array, at least one value
        The array to check.
    shape : tuple of int
        The shape it must have.
    name : str
        Name of the array, for the message of the error.

    Raises
    ------
    ValueError
        If the shape differs, or a value is outside 0..1 or not a number.
    """
    if values.shape != shape:
        raise ValueError(f"{name} of shape {values.shape}, not {shape}")
    if not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(f"{name} outside 0..1 or not a number")
