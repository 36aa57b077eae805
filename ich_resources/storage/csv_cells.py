"""Cells and lines of a CSV, one by one: the same text as ``slice_tables.csv_bytes`` gives.

A table over thousands of series is joined from lines that are kept. So no row is formatted twice.
"""

import math
from collections.abc import Iterable

from ich_resources.plain_text import cell

_QUOTED = (",", '"', "\n", "\r")


def csv_cell(value: object) -> str:
    """Return one cell.

    Parameters
    ----------
    value : str, int, float, bool or None
        None and NaN give an empty cell. A text is escaped (``plain_text.cell``).
    """
    if isinstance(value, str):
        text = cell(value)
        if any(mark in text for mark in _QUOTED):
            return '"' + text.replace('"', '""') + '"'
        return text
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)


def csv_line(values: Iterable[object]) -> str:
    """Return one line with its line feed; values as for ``csv_cell``."""
    return ",".join(map(csv_cell, values)) + "\n"
