"""Slices that do not belong to their series: they stand across the others."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ich_resources.dicom.geometry import FloatVector, normals_of, spans_plane
from ich_resources.dicom.header import Header
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, SliceRecord

ACROSS = 45.0
"""A slice that stands at a larger angle to the others, in degrees, is not one of them."""
UP = np.array([0.0, 0.0, 1.0])
"""The normal of an axial slice (DICOM PS3.3 C.7.6.2.1.1: z grows towards the head)."""


def odd_slices(members: Sequence[tuple[SliceRecord, Header]]) -> list[SliceRecord]:
    """Refuse the slices that stand across the others, such as a scout or a stored reformat.

    Parameters
    ----------
    members : sequence of (SliceRecord, Header)
        All slices of one series.

    Returns
    -------
    list of SliceRecord
        The records, in the order given. Nothing is refused where no direction has more than half
        of the slices.
    """
    headers = [header for record, header in members if record.judgement is None]
    majority = _majority(headers)
    if majority is None:
        return [record for record, _ in members]
    sizes = [(h.rows, h.columns) for h in headers if h.orientation is not None]
    common = max(set(sizes), key=lambda size: (sizes.count(size), str(size)))
    return [
        _odd(record, header, majority, common) if _is_candidate(record) else record
        for record, header in members
    ]


def _is_candidate(record: SliceRecord) -> bool:
    """Return whether a slice is admitted, or lacks nothing but its place, as a scout may."""
    return record.judgement is None or record.judgement.code == Reason.NO_POSITION


def angle(first: FloatVector, second: FloatVector) -> float:
    """Return the angle between two lines, in degrees, 0 to 90.

    Parameters
    ----------
    first, second : float64 array, shape (3,)
        Unit vectors along the lines.
    """
    return float(np.degrees(np.arccos(min(1.0, abs(float(first @ second))))))


def _majority(headers: list[Header]) -> FloatVector | None:
    """Return the normal that more than half of the slices agree with, None if there is none."""
    normals = np.array(normals_of(headers))
    if len(normals) < 3:
        return None
    different, counts = np.unique(normals, axis=0, return_counts=True)
    near = np.abs(different @ different.T) > np.cos(np.radians(ACROSS))
    support = near @ counts
    best = max(range(len(different)), key=lambda i: (support[i], counts[i], different[i][2]))
    if 2 * support[best] <= len(headers):
        return None
    return np.asarray(different[best])


def _odd(
    record: SliceRecord,
    header: Header,
    majority: FloatVector,
    common: tuple[int | None, int | None],
) -> SliceRecord:
    if header.orientation is None:
        if (header.rows, header.columns) == common:
            return record  # an ordinary slice that lacks an attribute: it fails
        reason = f"{header.rows} x {header.columns} pixels without orientation, unlike the others"
        return replace(record, judgement=Judgement("refused", Reason.ODD_SLICE, reason))
    if not spans_plane(header.orientation):
        return record
    (normal,) = normals_of([header])
    across = angle(normal, majority)
    leaves = angle(normal, UP) > ACROSS >= angle(majority, UP)
    if across <= ACROSS and not leaves:
        return record
    reason = f"it stands {across:.0f} degrees from most slices of its series"
    return replace(record, judgement=Judgement("refused", Reason.ODD_SLICE, reason))
