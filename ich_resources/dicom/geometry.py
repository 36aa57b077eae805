"""Where a slice lies: its position along the slice normal."""

from dataclasses import replace

import numpy as np

from ich_resources.dicom.header import Header
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, SliceRecord

FARTHEST = 1e6
"""No slice lies farther from the origin, in mm; also caught is what is not finite."""


def spans_plane(orientation: tuple[float, ...]) -> bool:
    """Return whether row and column of ImageOrientationPatient are two directions."""
    return float(np.linalg.norm(np.cross(orientation[:3], orientation[3:]))) > 1e-6


def slice_normal(orientation: tuple[float, ...]) -> np.ndarray:
    """Return the unit normal of a slice, pointing along its largest patient axis.

    Parameters
    ----------
    orientation : tuple of 6 float
        ImageOrientationPatient: direction cosines of row and column.

    Returns
    -------
    float64 array, shape (3,)
        Cross product of row and column (DICOM PS3.3 C.7.6.2.1.1), turned so that its largest
        component is positive: for an axial series ascending order is feet to head.

    Raises
    ------
    ValueError
        If row and column are parallel or zero.
    """
    if not spans_plane(orientation):
        raise ValueError(f"ImageOrientationPatient {orientation} spans no plane")
    normal = np.cross(orientation[:3], orientation[3:])
    normal = normal / np.linalg.norm(normal)
    return normal if normal[np.abs(normal).argmax()] > 0 else -normal


def position_along_normal(header: Header) -> float | None:
    """Return the distance of a slice along its normal in mm, None where it cannot be said.

    Without an orientation the slice counts as axial and z is the distance; ``place`` lets that
    pass only where no slice of the series has one.
    """
    if header.position is None:
        return None
    if header.orientation is None:
        return header.position[2]
    return float(np.dot(header.position, slice_normal(header.orientation)))


def place(slices: list[tuple[SliceRecord, Header]]) -> list[SliceRecord]:
    """Give every admitted slice of one series its position; all by the same measure.

    ImagePositionPatient is the measure where any admitted slice has it, else SliceLocation. A
    slice that lacks the series' measure fails: mixing the two would put it anywhere. So does one
    without ImageOrientationPatient where another has it: its z is no place along their normal.

    Returns
    -------
    list of SliceRecord
        In the order given.
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
    if not abs(position) < FARTHEST:
        reason = f"it lies {position:g} mm from the origin"
        return replace(record, judgement=Judgement("failed", Reason.BAD_HEADER, reason))
    z = header.position[2] if header.position is not None else header.slice_location
    return replace(record, position=position, position_z=z)
