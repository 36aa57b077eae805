"""The order of a series: every slice gets its position from the same attribute."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from ich_resources.dicom.geometry import (
    FloatVector,
    common_direction,
    position_along_normal,
    spans_plane,
)
from ich_resources.dicom.header import Header
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Remark, SliceRecord

FARTHEST_POSITION = 1e6
"""Largest distance of a slice from the origin, in mm. Values that are not finite fail as well."""
SAME_POSITION = 0.01
"""Slices that are closer than this, in mm, have the same position."""

_Measure = Literal["ImagePositionPatient", "SliceLocation", "InstanceNumber"]


class Placed(NamedTuple):
    """The slices of a series with their positions.

    Attributes
    ----------
    slices : list of SliceRecord
        In the order given. Slices without a position are ``failed``.
    remark : Remark or None
        Set if another attribute than the usual one gives the order.
    in_mm : bool
        Whether the positions are distances; numbers of instances are none.
    """

    slices: list[SliceRecord]
    remark: Remark | None
    in_mm: bool


def with_positions(slices: Sequence[tuple[SliceRecord, Header]]) -> Placed:
    """Set the position of every admitted slice of a series, from the same attribute for all.

    The attribute is ImagePositionPatient if any admitted slice has it, else SliceLocation. Where
    it puts all slices into one place, SliceLocation or else InstanceNumber takes its place, if each
    slice has a value of its own. A slice without the attribute fails: attributes have different
    origins, so mixing them would give a wrong order. A slice without ImageOrientationPatient fails
    if another slice has it: its z is not a position along their direction.

    Parameters
    ----------
    slices : sequence of (SliceRecord, Header)
        All slices of one series.

    References
    ----------
    DICOM PS3.3 C.7.6.2.1.1 (position and orientation), C.7.6.2.1.2 (SliceLocation).
    """
    headers = [header for record, header in slices if record.judgement is None]
    direction = common_direction(headers)
    has_position = any(header.position is not None for header in headers)
    usual: _Measure = "ImagePositionPatient" if has_position else "SliceLocation"
    measure = _measure(headers, usual, direction)
    placed = [
        record if record.judgement else _placed(record, header, measure, direction)
        for record, header in slices
    ]
    remark = None
    if measure != usual:
        text = f"every slice has the same {usual}: ordered by {measure}"
        remark = Remark(Reason.ORDER_ASSUMED, text)
    return Placed(placed, remark, measure != "InstanceNumber")


def _measure(headers: list[Header], usual: _Measure, direction: FloatVector | None) -> _Measure:
    """Return the attribute that orders the slices: the usual one unless it has one value."""
    usable = [h for h in headers if h.orientation is None or spans_plane(h.orientation)]
    known = [value for h in usable if (value := _value(h, usual, direction)) is not None]
    if len(known) < 2 or max(known) - min(known) >= SAME_POSITION:
        return usual
    others: tuple[_Measure, ...] = ("SliceLocation", "InstanceNumber")
    for other in others:
        values = [_value(header, other, direction) for header in headers]
        if None not in values and len(set(values)) == len(values):
            return other
    return usual


def _value(header: Header, measure: _Measure, direction: FloatVector | None) -> float | None:
    if measure == "InstanceNumber":
        return None if header.instance_number is None else float(header.instance_number)
    if measure == "SliceLocation":
        return header.slice_location
    return position_along_normal(header, direction)


def _placed(
    record: SliceRecord, header: Header, measure: _Measure, direction: FloatVector | None
) -> SliceRecord:
    try:
        position = _value(header, measure, direction)
    except ValueError as err:
        return replace(record, judgement=Judgement("failed", Reason.BAD_HEADER, str(err)))
    by_normal = measure == "ImagePositionPatient" and direction is not None
    if position is None or (by_normal and header.orientation is None):
        lacking = measure if position is None else "ImageOrientationPatient"
        reason = f"no {lacking}, which other slices of its series have"
        return replace(record, judgement=Judgement("failed", Reason.NO_POSITION, reason))
    if measure != "InstanceNumber" and not abs(position) < FARTHEST_POSITION:
        reason = f"it lies {position:g} mm from the origin"
        return replace(record, judgement=Judgement("failed", Reason.BAD_HEADER, reason))
    z = header.position[2] if header.position is not None else header.slice_location
    if measure != "ImagePositionPatient":
        z = header.slice_location if header.slice_location is not None else z
    return replace(record, position=position, position_z=z)
