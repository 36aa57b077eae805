"""The policy: which remarks refuse a series, and which only warn."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Remark, SeriesRecord

Verdict = Literal["refuse", "warn"]

REMARK_CODES = (
    Reason.TOO_FEW_SLICES,
    Reason.NOT_AXIAL,
    Reason.MIXED_GEOMETRY,
    Reason.MIXED_STUDIES,
    Reason.MIXED_FRAMES,
    Reason.MIXED_ACQUISITIONS,
    Reason.ORDER_ASSUMED,
    Reason.SENT_AGAIN,
    Reason.NOT_UPRIGHT,
    Reason.NOT_SQUARE,
    Reason.HEAD_CUT,
    Reason.DUPLICATE_POSITION,
    Reason.SLICE_GAP,
    Reason.GANTRY_TILT,
    Reason.BONE_KERNEL,
    Reason.CONTRAST,
    Reason.NOT_HEAD,
    Reason.DERIVED,
    Reason.NOT_BRAIN_WINDOW,
    Reason.WINDOW_ASSUMED,
)
"""Codes of the remarks whose verdict can be set."""
PIXEL_REMARKS = (Reason.FEW_GRAY_LEVELS, Reason.EMPTY_SLICES, Reason.MENDED)
"""Codes of the remarks that need the pixels. They come after the scan, and only warn."""
REFUSED = (
    Reason.TOO_FEW_SLICES,
    Reason.NOT_AXIAL,
    Reason.MIXED_FRAMES,
    Reason.MIXED_ACQUISITIONS,
)
"""Codes that refuse a series by default. The others warn."""


def verdicts(changes: Mapping[str, str]) -> dict[Reason, Verdict]:
    """Return the verdict for every code.

    Parameters
    ----------
    changes : mapping
        ``refuse`` or ``warn`` for each code that should not have its default.

    Returns
    -------
    dict of Reason to str
        ``refuse`` or ``warn`` for each of ``REMARK_CODES``.

    Raises
    ------
    ValueError
        If a code or a verdict is unknown.
    """
    table: dict[Reason, Verdict] = {
        code: "refuse" if code in REFUSED else "warn" for code in REMARK_CODES
    }
    for code, verdict in changes.items():
        if code not in table:
            raise ValueError(f"policy: unknown code {code!r}; use one of {', '.join(REMARK_CODES)}")
        if verdict == "refuse":
            table[Reason(code)] = "refuse"
        elif verdict == "warn":
            table[Reason(code)] = "warn"
        else:
            raise ValueError(f"policy: {code} has the value {verdict!r}; use refuse or warn")
    return table


def apply_policy(series: SeriesRecord, table: Mapping[Reason, Verdict]) -> SeriesRecord:
    """Refuse a series if one of its remarks has the verdict ``refuse``.

    Parameters
    ----------
    series : SeriesRecord
        The series, with its remarks.
    table : mapping of Reason to str
        Verdict for each code; see ``verdicts``.
    """
    refused = next((r for r in series.remarks if table.get(r.code) == "refuse"), None)
    return series if refused is None else refuse_series(series, refused)


def refuse_series(series: SeriesRecord, remark: Remark) -> SeriesRecord:
    """Refuse every admitted slice of a series.

    Parameters
    ----------
    series : SeriesRecord
        The series.
    remark : Remark
        The reason, for all of these slices.
    """
    judgement = Judgement("refused", remark.code, remark.reason)
    slices = [s if s.judgement else replace(s, judgement=judgement) for s in series.slices]
    return replace(series, slices=tuple(slices))
