"""Remarks on series that hold two scans, perhaps of two people, under one SeriesInstanceUID."""

from collections.abc import Sequence
from itertools import combinations

from ich_resources.dicom.header import Header
from ich_resources.reasons import Reason
from ich_resources.series import Remark, SliceRecord

FEWEST_OF_ONE = 3
"""Fewest slices of an acquisition that counts here: AcquisitionNumber often numbers slices."""
OVERLAP = 0.5
"""Two acquisitions cover the same part of the body if more than this share of the shorter lies
within the other. Parts of one scan follow each other, and overlap by a slice at most."""


def mixing_remarks(members: Sequence[tuple[SliceRecord, Header]], *, in_mm: bool) -> list[Remark]:
    """Return MIXED_STUDIES, MIXED_FRAMES and MIXED_ACQUISITIONS, where found.

    Parameters
    ----------
    members : sequence of (SliceRecord, Header)
        The admitted slices of one series, with their positions.
    in_mm : bool
        Whether the positions are distances.

    References
    ----------
    DICOM PS3.3 C.7.4.1.1.1 (a series has one FrameOfReferenceUID), C.7.6.1 (AcquisitionNumber).
    """
    found = []
    # They may show two patients, if a sender used one SeriesInstanceUID twice.
    studies = sorted({h.study_instance_uid for _, h in members})
    if len(studies) > 1:
        text = f"slices of {len(studies)} studies: {', '.join(studies)}"
        found.append(Remark(Reason.MIXED_STUDIES, text))
    frames = {h.frame_of_reference for _, h in members if h.frame_of_reference}
    if len(frames) > 1:
        text = f"slices of {len(frames)} FrameOfReferenceUIDs: two scans, perhaps of two people"
        found.append(Remark(Reason.MIXED_FRAMES, text))
    overlapping = _overlapping(members) if in_mm else None
    if overlapping:
        first, second = overlapping
        text = f"acquisitions {first} and {second} cover the same part: two scans in one series"
        found.append(Remark(Reason.MIXED_ACQUISITIONS, text))
    return found


def _overlapping(members: Sequence[tuple[SliceRecord, Header]]) -> tuple[int, int] | None:
    """Return two acquisitions that cover the same part of the body, None if there are none."""
    places: dict[int, list[float]] = {}
    for record, header in members:
        if header.acquisition is not None and record.position is not None:
            places.setdefault(header.acquisition, []).append(record.position)
    ranges = {
        number: (min(found), max(found))
        for number, found in sorted(places.items())
        if len(found) >= FEWEST_OF_ONE
    }
    for (first, (low, high)), (second, (bottom, top)) in combinations(ranges.items(), 2):
        common = min(high, top) - max(low, bottom)
        if common > OVERLAP * min(high - low, top - bottom):
            return first, second
    return None
