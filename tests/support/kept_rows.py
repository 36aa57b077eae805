"""The kept row of a series, for tests of the tables."""

from ich_resources.hemorrhage import CLASSES
from ich_resources.storage.csv_cells import csv_cell
from ich_resources.storage.prediction_tables import MADE_BY, PER_SERIES_COLUMNS, UIDS
from ich_resources.storage.table_rows import TableRow

NAME = 'a, "b"\n=1+1'


def row(series: str, p_any: float | None, *, state: str = "done", study: str = "1.20", **more):
    """Return the kept row of a series with 28 slices."""
    counts = (28, 28, 0, 0, 0) if p_any is not None else (28, 0, 0, 0, 28)
    cells = dict.fromkeys((*PER_SERIES_COLUMNS, *UIDS), "") | {
        "series_id": series,
        "study_id": study,
        "state": state,
        "description": csv_cell(NAME),
        "slices_scored": str(counts[1]),
        "primary": str(more.get("primary", False)),
    }
    page = {"u": series, "y": study, "s": state, "n": list(counts), "r": [], "f": []}
    if p_any is not None:
        cells |= {f"max_{name}": csv_cell(p_any / (i + 1)) for i, name in enumerate(CLASSES)}
        cells |= dict.fromkeys(MADE_BY, "made") | {"untrained_weights": "False"}
        cells |= {"slice_number_of_max_any": "7"}
        page |= {"p": [p_any], "k": 6, "c": "", "page": True}
    fields = {
        "primary": False,
        "counts": counts,
        "earlier": "",
        "doubts": (),
        "worth": None if p_any is None else "patients",
        "networks": None,
        "slices": counts[1],
        "ledger": "",
        "not_scored": "",
    } | more
    return TableRow(series, study, state=state, p_any=p_any, cells=cells, page=page, **fields)
