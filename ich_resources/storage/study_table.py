"""``predictions_per_study.csv``: a row for each study, from its primary series."""

from collections.abc import Sequence
from typing import NamedTuple

from ich_resources.hemorrhage import CLASSES
from ich_resources.storage.csv_cells import csv_cell, csv_line
from ich_resources.storage.flagging import FLAGGED, Flagging
from ich_resources.storage.prediction_tables import AGREEMENT, UIDS
from ich_resources.storage.table_rows import TableRow

PER_STUDY_COLUMNS = (
    "max_any",
    "highest_subtype",
    "description",
    "state",
    "attention",
    "earlier_result",
    "remarks",
    "slices_scored",
    "slices_found",
    *AGREEMENT,
    "failed_checks",
    "slice_number_of_max_any",
    *(f"max_{name}" for name in CLASSES[1:]),
    "series",
    "highest_other_max_any",
    "highest_other_series_id",
)
"""Columns of ``predictions_per_study.csv`` between the rank and the UIDs."""
_NO_RESULT = ("failed", "waiting", "refused")


class Study(NamedTuple):
    """One study.

    Attributes
    ----------
    primary : TableRow
        The series that stands for it.
    other : TableRow or None
        Of its other series, the one with the highest P(any).
    series : int
        Number of its series that have a row.
    attention : str
        Why a person should look closer; empty if nothing is odd.
    """

    primary: TableRow
    other: TableRow | None
    series: int
    attention: str


def studies(rows: Sequence[TableRow]) -> list[Study]:
    """Return the studies, the highest P(any) of a primary series first.

    Those whose primary series has no number stand last: first those with a number of another
    series, the highest first.

    Parameters
    ----------
    rows : sequence of TableRow
        All series.
    """
    groups: dict[str, list[TableRow]] = {}
    for row in rows:
        if row.listed:
            groups.setdefault(row.study, []).append(row)
    found = [_study(group) for group in groups.values()]
    return sorted(found, key=_order)


def _order(study: Study) -> tuple[float, float, str]:
    first, uid = by_probability(study.primary)
    other = 1.0 if study.other is None else by_probability(study.other)[0]
    return (first, other if first > 0 else 0.0, uid)


def by_probability(row: TableRow) -> tuple[float, str]:
    """Return what sorts the highest P(any) first, series without one last, equals by their UID."""
    return (1.0 if row.p_any is None else -row.p_any), row.series


def _study(group: Sequence[TableRow]) -> Study:
    # A ledger of an earlier version, or a study without an admitted slice, names no primary series.
    primary = min(group, key=lambda row: (not row.primary, row.series))
    others = [row for row in group if row is not primary and row.p_any is not None]
    other = min(others, key=by_probability, default=None)
    return Study(primary, other, len(group), "; ".join(_attention(primary, other)))


def _attention(primary: TableRow, other: TableRow | None) -> list[str]:
    found = []
    if primary.state in _NO_RESULT:
        found.append(f"the primary series is {primary.state}")
    if primary.doubts:
        found.append(f"the primary series is doubtful ({', '.join(primary.doubts)})")
    if other is not None and (primary.p_any is None or (other.p_any or 0.0) > primary.p_any):
        found.append("another series has a higher P(any)")
    return found


def per_study_csv(rows: Sequence[TableRow], flagging: Flagging | None) -> bytes:
    """Return ``predictions_per_study.csv``. A study whose primary has no number has no rank.

    Parameters
    ----------
    rows : sequence of TableRow
        All series.
    flagging : Flagging or None
        The threshold on P(any), where one is set; it flags the primary series.
    """
    names = ["rank", *([FLAGGED] if flagging is not None else []), *PER_STUDY_COLUMNS, *UIDS]
    lines = [csv_line(names)]
    for rank, study in enumerate(studies(rows), 1):
        primary, other = study.primary, study.other
        cells = primary.cells | {
            "rank": str(rank) if primary.p_any is not None else "",
            "attention": csv_cell(study.attention),
            "series": str(study.series),
            "highest_other_max_any": "" if other is None else other.cells["max_any"],
            "highest_other_series_id": "" if other is None else other.cells["series_id"],
        }
        if flagging is not None:
            cells[FLAGGED] = csv_cell(flagging.flags(primary.p_any, primary.networks))
        lines.append(",".join(cells.get(name, "") for name in names) + "\n")
    return "".join(lines).encode()
