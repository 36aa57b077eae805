"""Choose the best series of a study."""

from collections.abc import Sequence

from ich_resources.dicom.header import Header
from ich_resources.reasons import Reason
from ich_resources.series import SeriesRecord

BEST_THICKNESS = (2.5, 5.0)
"""Preferred range of SliceThickness, in mm."""
WHOLE_HEAD = 110.0
"""Extent along the slice normal that covers a head, in mm."""


def primary_series(candidates: Sequence[tuple[SeriesRecord, Sequence[Header]]]) -> str:
    """Return the SeriesInstanceUID of the best series of a study.

    These criteria decide, in this order: the head and no other part of the body, no contrast agent
    (it looks like blood), a soft-tissue kernel, a brain window, an original image (not DERIVED), a
    slice thickness of 2.5 to 5 mm or close to it, an extent that covers the whole head, more
    slices, the smaller SeriesInstanceUID. So a series that one of the first four speaks against is
    chosen only where no other is left.

    Parameters
    ----------
    candidates : sequence of (SeriesRecord, headers)
        Series with at least one admitted slice, and the headers of their admitted slices.

    Raises
    ------
    ValueError
        If there are no candidates.
    """
    return min(candidates, key=_rank)[0].series_instance_uid


def _rank(candidate: tuple[SeriesRecord, Sequence[Header]]) -> tuple[object, ...]:
    series, headers = candidate
    codes = {remark.code for remark in series.remarks}
    thickness = max((h.thickness or 0.0) for h in headers)
    low, high = BEST_THICKNESS
    positions = [s.position for s in series.slices if s.position is not None]
    extent = max(positions) - min(positions) + thickness if positions else 0.0
    if Reason.ORDER_ASSUMED in codes:
        extent = 0.0  # not known: the positions may be numbers of instances
    return (
        Reason.NOT_HEAD in codes,
        Reason.CONTRAST in codes,
        Reason.BONE_KERNEL in codes,
        Reason.NOT_BRAIN_WINDOW in codes,
        Reason.DERIVED in codes,
        max(low - thickness, thickness - high, 0.0),
        extent < WHOLE_HEAD,
        -series.count("admitted"),
        series.series_instance_uid,
    )
