"""Directions and places of slices in the patient's coordinates, in mm."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ich_resources.dicom.header import Header

FloatVector = npt.NDArray[np.float64]


@lru_cache(maxsize=4096)  # the slices of a series share their orientation
def spans_plane(orientation: tuple[float, ...]) -> bool:
    """Return whether the rows and columns of an image have two different directions.

    Parameters
    ----------
    orientation : tuple of 6 float
        ImageOrientationPatient: direction cosines of rows and columns.
    """
    return float(np.linalg.norm(np.cross(orientation[:3], orientation[3:]))) > 1e-6


@lru_cache(maxsize=4096)
def slice_normal(orientation: tuple[float, ...]) -> FloatVector:
    """Return the unit normal of a slice, read-only. Its largest component is positive.

    Parameters
    ----------
    orientation : tuple of 6 float
        ImageOrientationPatient: direction cosines of rows and columns.

    Returns
    -------
    float64 array, shape (3,)
        Cross product of the two directions (DICOM PS3.3 C.7.6.2.1.1), with the sign changed where
        needed. An axial series in ascending order goes from feet to head.

    Raises
    ------
    ValueError
        If the directions are parallel or zero.
    """
    if not spans_plane(orientation):
        raise ValueError(f"ImageOrientationPatient {orientation} spans no plane")
    normal = _upward(np.cross(orientation[:3], orientation[3:]))
    normal.setflags(write=False)
    return normal


def _upward(vector: FloatVector) -> FloatVector:
    unit = vector / np.linalg.norm(vector)
    return unit if unit[np.abs(unit).argmax()] > 0 else -unit


def normals_of(headers: Sequence[Header]) -> list[FloatVector]:
    """Return the normal of each slice whose orientation spans a plane.

    Parameters
    ----------
    headers : sequence of Header
        Headers of slices.

    Returns
    -------
    list of float64 array, shape (3,)
        Unit normals, from ``slice_normal``. A slice whose orientation spans no plane has none.
    """
    return [
        slice_normal(h.orientation) for h in headers if h.orientation and spans_plane(h.orientation)
    ]


def common_direction(headers: Sequence[Header]) -> FloatVector | None:
    """Return the one direction along which a series is ordered.

    Parameters
    ----------
    headers : sequence of Header
        Headers of its slices.

    Returns
    -------
    float64 array, shape (3,), or None
        The normal that all slices share, else the mean of the normals, a unit vector; None if no
        slice has an orientation.
    """
    normals = np.array(normals_of(headers))
    if not len(normals):
        return None
    first = np.asarray(normals[0], dtype=np.float64)
    if np.array_equal(normals, np.broadcast_to(first, normals.shape)):
        return first
    # A normal near 45 degrees may be stored with either sign.
    signs = np.where(normals @ first < 0, -1.0, 1.0)
    return _upward((normals * signs[:, None]).sum(axis=0))


def position_along_normal(header: Header, direction: FloatVector | None = None) -> float | None:
    """Return the position of a slice along a direction.

    A slice without ImageOrientationPatient is taken as axial: its position is z.
    ``ordering.with_positions`` accepts that only if no slice of the series has an orientation.

    Parameters
    ----------
    header : Header
        Header of the slice.
    direction : float64 array, shape (3,), optional
        Unit vector; by default the slice's own normal. Along another direction the centre of the
        slice counts, since corners of slices with different tilts do not lie above each other.

    Returns
    -------
    float or None
        Position in mm; None without ImagePositionPatient.

    Raises
    ------
    ValueError
        If the directions of ImageOrientationPatient are parallel or zero.
    """
    if header.position is None:
        return None
    if header.orientation is None:
        return header.position[2]
    own = slice_normal(header.orientation)
    if direction is None or np.array_equal(own, direction):
        return float(np.dot(header.position, own))
    return float(np.dot(header.position + _to_centre(header), direction))


def _to_centre(header: Header) -> FloatVector:
    """Return the way from the centre of the first pixel to the centre of the slice, in mm.

    DICOM PS3.3 C.7.6.2.1.1: PixelSpacing is the distance of rows, then that of columns. It is zero
    where a size or PixelSpacing lacks.
    """
    if not (header.orientation and header.pixel_spacing and header.rows and header.columns):
        return np.zeros(3)
    along_row = np.array(header.orientation[:3])
    along_column = np.array(header.orientation[3:])
    across = header.pixel_spacing[1] * (header.columns - 1) / 2
    down = header.pixel_spacing[0] * (header.rows - 1) / 2
    return np.asarray(
        along_row / np.linalg.norm(along_row) * across
        + along_column / np.linalg.norm(along_column) * down
    )
