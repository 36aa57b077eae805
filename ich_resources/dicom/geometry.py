"""The position of a slice along the slice normal; it orders the series."""

from dataclasses import replace

import numpy as np

from ich_resources.dicom.header import Header
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, SliceRecord

FARTHEST_POSITION = 1e6
"""Largest distance of a slice from the origin, in mm. Values that are not finite fail as well."""


def spans_plane(orientation: tuple[float, ...]) -> bool:
    """Return whether the rows and columns of an image have two different directions.

    Parameters
    ----------
    orientation : tuple of 6 float
        ImageOrientationPatient: direction cosines of rows and columns.
    """
    return float(np.linalg.norm(np.cross(orientation[:3], orientation[3:]))) > 1e-6


def slice_normal(orientation: tuple[float, ...]) -> np.ndarray:
    """Return the unit normal of a slice. Its largest component is positive.

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
    normal = np.cross(orientation[:3], orientation[3:])
    normal = normal / np.linalg.norm(normal)
    return normal if normal[np.abs(normal).argmax()] > 0 else -normal


def position_along_normal(header: Header) -> float | None:
    """Return the position of a slice along its normal.

    A slice without ImageOrientationPatient is taken as axial: its position is z.
    ``with_positions`` accepts that only if no slice of the series has an orientation.

    Parameters
    ----------
    header : Header
        Header of the slice.

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
    return float(np.dot(header.position, slice_normal(header.orientation)))


def with_positions(slices: list[tuple[SliceRecord, Header]]) -> list[SliceRecord]:
    """Set the position of every admitted slice of a series, from the same attribute for all.

    The attribute is ImagePositionPatient if any admitted slice has it, else SliceLocation. A slice
    without that attribute fails: the two attributes have different origins, so mixing them would
    give a wrong order. A slice without ImageOrientationPatient fails if another slice has it: its z
    is not a position along their normal.

    Parameters
    ----------
    slices : list of (SliceRecord, Header)
        All slices of one series.

    Returns
    -------
    list of SliceRecord
        The records, in the order given. Slices without a position are ``failed``.
    """
    admitted = [header for record, header in slices if record.judgement is None]
    by_position = any(header.position is not None for header in admitted)
    by_normal = by_position and any(
        header.orientation is not None and spans_plane(header.orientation) for header in admitted
    )
    return [
        record if record.judgement else _placed(record, header, by_position, by_normal)
        for record, header in slices
    ]


def _placed(record: SliceRecord, header: Header, by_position: bool, by_normal: bool) -> SliceRecord:
    try:
        position = position_along_normal(header) if by_position else header.slice_location
    except ValueError as err:
        return replace(record, judgement=Judgement("failed", Reason.BAD_HEADER, str(err)))
    if position is None or (by_normal and header.orientation is None):
        lacking = "ImagePositionPatient" if position is None else "ImageOrientationPatient"
        reason = f"no {lacking}, which other slices of its series have"
        return replace(record, judgement=Judgement("failed", Reason.NO_POSITION, reason))
    if not abs(position) < FARTHEST_POSITION:
        reason = f"it lies {position:g} mm from the origin"
        return replace(record, judgement=Judgement("failed", Reason.BAD_HEADER, reason))
    z = header.position[2] if header.position is not None else header.slice_location
    return replace(record, position=position, position_z=z)
