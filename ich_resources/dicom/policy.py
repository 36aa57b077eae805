"""What becomes of a remark: refuse the series, or warn."""

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
    Reason.DUPLICATE_POSITION,
    Reason.SLICE_GAP,
    Reason.GANTRY_TILT,
    Reason.BONE_KERNEL,
    Reason.CONTRAST,
    Reason.NOT_HEAD,
    Reason.DERIVED,
)
"""Codes of whole series, whose verdict can be set."""
REFUSED = (Reason.TOO_FEW_SLICES, Reason.NOT_AXIAL)
"""Those refused unless the policy says otherwise; the rest warn."""


def verdicts(changes: Mapping[str, str]) -> dict[Reason, Verdict]:
    """Return the verdict of every code.

    Parameters
    ----------
    changes : mapping
        ``refuse`` or ``warn`` for the codes that are not to have their default.

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
            raise ValueError(f"policy: {code!r} is none of {', '.join(REMARK_CODES)}")
        if verdict == "refuse":
            table[Reason(code)] = "refuse"
        elif verdict == "warn":
            table[Reason(code)] = "warn"
        else:
            raise ValueError(f"policy: {code} is {verdict!r}, not refuse or warn")
    return table


def apply(series: SeriesRecord, table: Mapping[Reason, Verdict]) -> SeriesRecord:
    """Refuse every admitted slice of a series with a remark that the policy refuses."""
    refused = next((r for r in series.remarks if table.get(r.code) == "refuse"), None)
    return series if refused is None else refuse(series, refused)


def refuse(series: SeriesRecord, remark: Remark) -> SeriesRecord:
    """Return a series whose admitted slices are refused for one reason."""
    judgement = Judgement("refused", remark.code, remark.reason)
    slices = [s if s.judgement else replace(s, judgement=judgement) for s in series.slices]
    return replace(series, slices=tuple(slices))
