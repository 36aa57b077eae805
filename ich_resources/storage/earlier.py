"""The last good number of a series stays while it is scored again, and says that it is earlier."""

import csv
from dataclasses import replace
from typing import Any

from ich_resources.hemorrhage import CLASSES
from ich_resources.storage.csv_cells import csv_cell
from ich_resources.storage.layout import Layout
from ich_resources.storage.prediction_tables import OF_THE_NUMBER
from ich_resources.storage.table_rows import TableRow

_OF_THE_VERSION = ("u", "y", "d", "s", "m", "n", "r", "w", "t")
"""Keys of a row of the worklist that say what became of the current version."""
_SINCE = {
    "waiting": "being scored again",
    "failed": "of an earlier version: the new run failed",
    "refused": "of an earlier version: its slices are refused now",
}


def with_earlier_number(row: TableRow, before: TableRow | None) -> TableRow:
    """Return a row with the last good number, where the current version has none.

    Parameters
    ----------
    row : TableRow
        What is on disk of the current version.
    before : TableRow or None
        What the tables said of the series until now.
    """
    if before is None or before.p_any is None or row.p_any is not None:
        return row
    found, _, refused, _, _ = row.counts
    total = found if row.state == "refused" else found - refused
    since = _SINCE.get(row.state, _SINCE["failed"])
    earlier = f"{before.slices} of {max(total, before.slices)} slices, {since}"
    kept = {name: before.cells[name] for name in OF_THE_NUMBER if name in before.cells}
    doubts = tuple(dict.fromkeys((*row.doubts, *before.doubts)))
    marks = {"earlier_result": csv_cell(earlier), "doubtful": csv_cell(", ".join(doubts))}
    page = before.page | {key: row.page[key] for key in _OF_THE_VERSION if key in row.page}
    return replace(
        row,
        p_any=before.p_any,
        earlier=earlier,
        doubts=doubts,
        worth=before.worth,
        networks=before.networks,
        slices=before.slices,
        cells=row.cells | kept | marks,
        page=page | {"e": earlier, "f": list(doubts)},
    )


def rows_of_table(layout: Layout) -> dict[str, TableRow]:
    """Return the numbers in ``predictions_per_series.csv``: what is known where no row is kept.

    A table that is missing, damaged or of an earlier version gives what can be read of it.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    """
    try:
        text = (layout.output / "predictions_per_series.csv").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return {}
    found = {}
    for line in csv.DictReader(text.splitlines()):
        try:
            row = _of_line(line, layout)
        except (LookupError, TypeError, ValueError):
            continue
        found[row.series] = row
    return found


def _of_line(line: dict[str, str], layout: Layout) -> TableRow:
    """Return the row behind one line of the table; its curve and its networks are not known.

    Raises
    ------
    LookupError, TypeError, ValueError
        If the series has no number, or the line is damaged.
    """
    slices = int((line.get("earlier_result") or line["slices_scored"]).split(" ")[0])
    highest = [float(line[f"max_{name}"]) for name in CLASSES]
    number = line.get("slice_number_of_max_any")
    page: dict[str, Any] = {
        "p": highest,
        "k": int(number) - 1 if number else None,
        "t3": None,
        "c": "",
        "q": False,
        "g": None,
        "page": layout.series_page(line["series_id"]).is_file(),
    }
    cells = {name: csv_cell(text) for name, text in line.items() if name and text is not None}
    return TableRow(
        series=line["series_id"],
        study=line["study_id"],
        primary=False,
        state=line["state"],
        counts=(0, 0, 0, 0, 0),
        p_any=highest[0],
        earlier=line.get("earlier_result", ""),
        doubts=tuple(filter(None, line.get("doubtful", "").split(", "))),
        worth=line.get("trained_on")
        or ("nothing" if "True" in line["untrained_weights"] else "patients"),
        networks=None,
        slices=slices,
        cells=cells,
        ledger="",
        not_scored="",
        page=page,
    )
