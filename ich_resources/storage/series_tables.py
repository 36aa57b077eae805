"""The tables with a row for each series or study: always current, written from kept rows."""

from collections.abc import Sequence

from ich_resources.series import UnassignedFile
from ich_resources.storage.csv_cells import csv_cell, csv_line
from ich_resources.storage.files import write_bytes
from ich_resources.storage.flagging import FLAGGED, Flagging
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger_tables import LEDGER_COLUMNS, NOT_SCORED_COLUMNS, unassigned_row
from ich_resources.storage.prediction_tables import OPTIONAL_COLUMNS, PER_SERIES_COLUMNS, UIDS
from ich_resources.storage.study_table import by_probability, per_study_csv
from ich_resources.storage.table_rows import TableRow


def ranked(rows: Sequence[TableRow]) -> list[TableRow]:
    """Return the series of ``predictions_per_series.csv``, the highest P(any) first.

    Those without a number stand last, in the order of their UIDs.
    """
    return sorted((row for row in rows if row.listed), key=by_probability)


def per_series_csv(rows: Sequence[TableRow], flagging: Flagging | None) -> bytes:
    """Return ``predictions_per_series.csv``. A series without a number has no rank.

    Parameters
    ----------
    rows : sequence of TableRow
        All series.
    flagging : Flagging or None
        The threshold on P(any), where one is set.
    """
    found = ranked(rows)
    optional = [name for name in OPTIONAL_COLUMNS if any(name in row.cells for row in found)]
    columns = [*PER_SERIES_COLUMNS, *optional, *UIDS]
    names = ["rank", *([FLAGGED] if flagging is not None else []), *columns]
    lines = [csv_line(names)]
    for rank, row in enumerate(found, 1):
        first = [str(rank) if row.p_any is not None else ""]
        if flagging is not None:
            first.append(csv_cell(flagging.flags(row.p_any, row.networks)))
        lines.append(",".join([*first, *(row.cells.get(name, "") for name in columns)]) + "\n")
    return "".join(lines).encode()


def write_series_tables(
    layout: Layout,
    rows: Sequence[TableRow],
    unassigned: Sequence[UnassignedFile],
    flagging: Flagging | None,
) -> None:
    """Write both tables of predictions, and both ledgers.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    rows : sequence of TableRow
        All series, in the order of the ledger.
    unassigned : sequence of UnassignedFile
        DICOM files in no series.
    flagging : Flagging or None
        The threshold on P(any), where one is set.

    Raises
    ------
    StorageError
        If one cannot be written. It is then as it was.
    """
    files = [
        csv_line(unassigned_row(file)[name] for name in NOT_SCORED_COLUMNS) for file in unassigned
    ]
    ledger = [csv_line(LEDGER_COLUMNS), *(row.ledger for row in rows)]
    not_scored = [csv_line(NOT_SCORED_COLUMNS), *(row.not_scored for row in rows), *files]
    output = layout.output
    write_bytes(output / "predictions_per_series.csv", per_series_csv(rows, flagging))
    write_bytes(output / "predictions_per_study.csv", per_study_csv(rows, flagging))
    write_bytes(output / "series_ledger.csv", "".join(ledger).encode())
    write_bytes(output / "slices_not_scored.csv", "".join(not_scored).encode())
