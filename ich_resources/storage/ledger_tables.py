"""The ledger as people read it: a row per series, and a row per file that was not scored."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ich_resources.series import Ledger, UnassignedFile
from ich_resources.storage.files import write_bytes
from ich_resources.storage.layout import Layout
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.slice_tables import csv_bytes

LEDGER_COLUMNS = (
    "series_id",
    "study_id",
    "description",
    "state",
    "found",
    "scored",
    "refused",
    "failed",
    "waiting",
    "copies",
    "reasons",
    "remarks",
    "primary",
    "failure",
)
"""Columns of ``series_ledger.csv``; found = scored + refused + failed + waiting."""
NOT_SCORED_COLUMNS = ("path", "series_id", "sop_instance_uid", "state", "code", "reason")
"""Columns of ``slices_not_scored.csv``."""


def ledger_row(outcome: SeriesOutcome) -> dict[str, Any]:
    """Return the row of one series in ``series_ledger.csv``."""
    return {
        "series_id": outcome.series.series_instance_uid,
        "study_id": outcome.series.study_instance_uid,
        "description": outcome.series.description,
        "state": outcome.state,
        **outcome.counts,
        "copies": sum(len(s.copies) for s in outcome.series.slices),
        "reasons": outcome.reasons,
        "remarks": "; ".join(outcome.remarks),
        "primary": outcome.series.primary,
        "failure": outcome.failure,
    }


def ledger_table(outcomes: Sequence[SeriesOutcome]) -> pd.DataFrame:
    """Return ``series_ledger.csv``: every series found, taken or not."""
    return pd.DataFrame(map(ledger_row, outcomes), columns=list(LEDGER_COLUMNS))


def not_scored_rows(outcome: SeriesOutcome) -> list[dict[str, str]]:
    """Return the rows of one series in ``slices_not_scored.csv``."""
    return [
        {
            "path": item.path,
            "series_id": outcome.series.series_instance_uid,
            "sop_instance_uid": item.sop_instance_uid,
            "state": item.state,
            "code": str(item.code),
            "reason": item.reason,
        }
        for item in outcome.not_scored
    ]


def unassigned_row(file: UnassignedFile) -> dict[str, str]:
    """Return the row of a file in no series in ``slices_not_scored.csv``."""
    return {
        "path": file.path,
        "series_id": "",
        "sop_instance_uid": "",
        "state": file.judgement.state,
        "code": str(file.judgement.code),
        "reason": file.judgement.reason,
    }


def not_scored_table(
    outcomes: Sequence[SeriesOutcome], unassigned: Sequence[UnassignedFile]
) -> pd.DataFrame:
    """Return ``slices_not_scored.csv``: each slice refused or failed, each file in no series."""
    rows = [row for outcome in outcomes for row in not_scored_rows(outcome)]
    rows += map(unassigned_row, unassigned)
    return pd.DataFrame(rows, columns=list(NOT_SCORED_COLUMNS))


def write_ledger_tables(
    layout: Layout, ledger: Ledger, outcomes: Sequence[SeriesOutcome]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write ``series_ledger.csv`` and ``slices_not_scored.csv``; return them.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    ledger : Ledger
        ``unassigned``: the files in no series.
    outcomes : sequence of SeriesOutcome
        One per series of the ledger.

    Returns
    -------
    series : DataFrame
        One row per series.
    not_scored : DataFrame
        One row per slice or file without a probability.
    """
    series = ledger_table(outcomes)
    not_scored = not_scored_table(outcomes, ledger.unassigned)
    write_bytes(layout.output / "series_ledger.csv", csv_bytes(series))
    write_bytes(layout.output / "slices_not_scored.csv", csv_bytes(not_scored))
    return series, not_scored
