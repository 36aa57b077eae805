"""Which of the series of one study is the one to look at first."""

from collections.abc import Sequence

from ich_resources.dicom.header import Header
from ich_resources.reasons import Reason
from ich_resources.series import SeriesRecord

BEST_THICKNESS = (2.5, 5.0)
"""Slice thickness preferred before thinner or thicker, in mm."""
WHOLE_HEAD = 110.0
"""Extent along the normal that covers a head, in mm."""


def primary(candidates: Sequence[tuple[SeriesRecord, Sequence[Header]]]) -> str:
    """Return the SeriesInstanceUID of the best series of a study.

    Soft kernel before bone, brain window before another, 2.5 to 5 mm before thinner or thicker,
    the whole head before a part; then more slices, then the smaller UID.

    Parameters
    ----------
    candidates : sequence of (SeriesRecord, headers)
        The admissible series, with the headers of their admitted slices.

    Raises
    ------
    ValueError
        If there is none.
    """
    return min(candidates, key=_rank)[0].series_instance_uid


def _rank(candidate: tuple[SeriesRecord, Sequence[Header]]) -> tuple[object, ...]:
    series, headers = candidate
    codes = {remark.code for remark in series.remarks}
    thickness = max((h.thickness or 0.0) for h in headers)
    low, high = BEST_THICKNESS
    positions = [s.position for s in series.slices if s.position is not None]
    extent = max(positions) - min(positions) + thickness if positions else 0.0
    return (
        Reason.BONE_KERNEL in codes,
        max(h.window[1] for h in headers) > 200,
        Reason.DERIVED in codes,
        max(low - thickness, thickness - high, 0.0),
        extent < WHOLE_HEAD,
        -series.count("admitted"),
        series.series_instance_uid,
    )
