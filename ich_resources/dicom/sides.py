"""Where the edges of an image point in the patient: the letters that a viewer shows."""

from collections.abc import Sequence
from functools import lru_cache

_TOWARDS = (("L", "R"), ("P", "A"), ("H", "F"))
"""Letter for the positive and the negative direction along x, y and z (DICOM PS3.3 C.7.6.2.1.1)."""
_CLEAR = 0.85
"""Least part of a unit vector along one axis. A letter is not said of a steeper direction."""


@lru_cache(maxsize=4096)  # the slices of a series share their orientation
def sides(orientation: tuple[float, ...] | None) -> str:
    """Return the letters of the left, right, upper and lower edge of an image.

    Parameters
    ----------
    orientation : tuple of 6 float, or None
        ImageOrientationPatient: directions along a row and along a column.

    Returns
    -------
    str
        Such as ``RLAP``; empty where the orientation is unknown or more than 32 degrees from an
        axis of the patient.
    """
    if orientation is None:
        return ""
    row, column = _direction(orientation[:3]), _direction(orientation[3:])
    return row[::-1] + column[::-1] if row and column else ""


def _direction(vector: Sequence[float]) -> str:
    """Return the letters towards and against a direction, empty where it is not clear."""
    length = sum(value * value for value in vector) ** 0.5
    for value, (positive, negative) in zip(vector, _TOWARDS, strict=True):
        if length > 0 and abs(value) >= _CLEAR * length:
            return positive + negative if value > 0 else negative + positive
    return ""
