"""What the tables and the worklist say of one series, made from its records."""

from typing import Any

from ich_assets.judgements import failed_checks
from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import ANY
from ich_resources.pages.worklist_page import probabilities_of
from ich_resources.plain_text import one_line
from ich_resources.steps import SALIENCY
from ich_resources.storage.chain import outcome_on_disk
from ich_resources.storage.csv_cells import csv_cell, csv_line
from ich_resources.storage.doubts import doubts
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import found_series
from ich_resources.storage.ledger_tables import (
    LEDGER_COLUMNS,
    NOT_SCORED_COLUMNS,
    ledger_row,
    not_scored_rows,
)
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.prediction_tables import series_row
from ich_resources.storage.records import Records
from ich_resources.storage.saliency_schema import Pages, SaliencyContent
from ich_resources.storage.shown import networks_behind
from ich_resources.storage.shown_arrays import shown_of
from ich_resources.storage.table_rows import TableRow
from ich_resources.subjects import series_subject
from ich_resources.worth import least


def row_on_disk(layout: Layout, series_uid: str) -> TableRow:
    """Return the row of a series of the ledger, with any options.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    series_uid : str
        SeriesInstanceUID.

    Raises
    ------
    IchError
        If its ledger entry, a record or an array cannot be read.
    """
    outcome = outcome_on_disk(found_series(layout, series_uid), Records(layout))
    return table_row(outcome, shown_of(layout, outcome), layout)


def table_row(outcome: SeriesOutcome, probabilities: FloatArray | None, layout: Layout) -> TableRow:
    """Return the row of a series.

    Parameters
    ----------
    outcome : SeriesOutcome
        Its accounting and its records.
    probabilities : float32 array, shape (N, 6), or None
        As the tables show them; None for a series without any.
    layout : Layout
        Paths below the run root.

    Raises
    ------
    StorageError
        If an array cannot be read.
    """
    checks = failed_checks(outcome, layout)
    series, known = outcome.series, probabilities is not None
    files = [csv_line(row[name] for name in NOT_SCORED_COLUMNS) for row in not_scored_rows(outcome)]
    ledger, cells = ledger_row(outcome), series_row(outcome, probabilities, checks)
    worths = [record.content.worth for record in outcome.records.values()]
    return TableRow(
        series=series.series_instance_uid,
        study=series.study_instance_uid,
        primary=series.primary,
        state=outcome.state,
        counts=tuple(outcome.counts.values()),
        p_any=None if probabilities is None else float(probabilities[:, ANY].max()),
        earlier="",
        doubts=doubts(outcome, checks),
        worth=least(worths) if known else None,
        networks=networks_behind(outcome.records) if known else None,
        slices=outcome.scored,
        cells={name: csv_cell(value) for name, value in cells.items()},
        ledger=csv_line(ledger[name] for name in LEDGER_COLUMNS),
        not_scored="".join(files),
        page=_page_row(outcome, probabilities, checks),
        preview=_preview(outcome, layout),
        unscored=tuple(_unscored(outcome)),
    )


def _page_row(
    outcome: SeriesOutcome, probabilities: FloatArray | None, checks: tuple[str, ...]
) -> dict[str, Any]:
    series = outcome.series
    row: dict[str, Any] = {
        "u": series.series_instance_uid,
        "y": series.study_instance_uid,
        "d": one_line(series.description),
        "s": outcome.state,
        "m": series.primary,
        "n": list(outcome.counts.values()),
        "r": [one_line(remark) for remark in outcome.remarks],
        "f": list(doubts(outcome, checks)),
        "w": outcome.reasons,
        "t": round(sum(record.content.seconds for record in outcome.records.values()), 1),
    }
    if probabilities is None:
        return row
    networks, pages = networks_behind(outcome.records), _pages(outcome)
    found = None if pages is None else pages.checkpoints
    return row | {
        "q": networks is not None and networks.calibration is not None,
        "g": None if found is None else {n: [round(p, 4) for p in f] for n, f in found.items()},
        "page": pages is not None,
        **probabilities_of(probabilities),
    }


def _pages(outcome: SeriesOutcome) -> Pages | None:
    """Return what the pages show of a series, None where an earlier version made its panels."""
    record = outcome.records.get(SALIENCY)
    content = None if record is None else record.content
    return content.pages if isinstance(content, SaliencyContent) else None


def _preview(outcome: SeriesOutcome, layout: Layout) -> str | None:
    """Return the digest of the pictures for the worklist."""
    if _pages(outcome) is None:
        return None
    path = layout.preview(series_subject(outcome.series.series_instance_uid))
    return outcome.records[SALIENCY].sha256(layout.relative(path))


def _unscored(outcome: SeriesOutcome) -> list[dict[str, Any]]:
    """Return the files without a probability, grouped by state and code."""
    series = outcome.series.series_instance_uid
    files: list[tuple[str, str, str, str]] = [
        (item.state, str(item.code), item.reason, item.path) for item in outcome.not_scored
    ]
    why = outcome.failure or "no run has looked at it"
    files += [("waiting", "", why, "")] * outcome.waiting
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for state, code, reason, path in files:
        group = groups.setdefault((state, code), unscored_group(state, code, reason, path, series))
        group["n"] += 1
    return list(groups.values())


def unscored_group(
    state: str, code: str, reason: str, path: str, series: str = ""
) -> dict[str, Any]:
    """Return a group of no files yet, as the worklist lists what was not scored.

    Parameters
    ----------
    state : {"failed", "waiting", "refused"}
        Of all files of the group.
    code : str
        Reason code; empty for files that no run has looked at.
    reason : str
        The reason, for people. It comes from a file too, so it is put on one line.
    path : str
        The first file of the group; empty where there is none.
    series : str
        SeriesInstanceUID; empty for files in no series.
    """
    return {
        "n": 0,
        "state": state,
        "code": code,
        "reason": one_line(reason),
        "path": one_line(path),
        "series": series,
    }
