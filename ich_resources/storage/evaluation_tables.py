"""The files of an evaluation: tables with a first line of their own, JSON, pictures, the page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from ich_resources.storage.files import remove, sweep, write_bytes, write_json
from ich_resources.storage.slice_tables import csv_bytes

PANEL_WIDTH = 640
"""Width of a panel on the page, in pixels."""
PAGE = "index.html"


def begin_evaluation(folder: Path) -> None:
    """Withdraw the page, which stands for a whole set of files, and what a kill has left.

    Parameters
    ----------
    folder : Path
        Of the evaluation; it may be missing.

    Raises
    ------
    StorageError
        If a file cannot be removed.
    """
    remove([folder / PAGE])
    sweep(folder)


def write_table(
    path: Path, first_line: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]
) -> None:
    """Write a table behind a line that begins with ``#``; texts are escaped.

    Parameters
    ----------
    path : Path
        The file.
    first_line : str
        Without comma and line break.
    rows : sequence of mapping
        By column; a missing value is empty.
    columns : sequence of str
        Of the table, where it has no row.
    """
    names = list(rows[0]) if rows else []
    names += [name for row in rows for name in row if name not in names]
    table = pd.DataFrame(
        list(rows), columns=list(dict.fromkeys(names)) or list(columns), dtype=object
    )
    write_bytes(path, f"# {first_line}\n".encode() + csv_bytes(table))


def write_evaluation(
    folder: Path,
    first_line: str,
    tables: Mapping[str, tuple[Sequence[Mapping[str, Any]], Sequence[str]]],
    files: Mapping[str, bytes],
    report: Mapping[str, Any],
) -> None:
    """Write all files of an evaluation, the page last, each of them whole.

    Parameters
    ----------
    folder : Path
        Made if missing.
    first_line : str
        First line of every table.
    tables : mapping of str to (rows, columns)
        By file name.
    files : mapping of str to bytes
        Pictures and ``index.html``, by file name.
    report : mapping
        ``report.json``.

    Raises
    ------
    StorageError
        If a file cannot be written.
    """
    begin_evaluation(folder)
    for name, (rows, columns) in tables.items():
        write_table(folder / name, first_line, rows, columns)
    write_json(folder / "report.json", report)
    for name, content in files.items():
        if name != PAGE:
            write_bytes(folder / name, content)
    if PAGE in files:
        write_bytes(folder / PAGE, files[PAGE])


def small_panel(path: Path) -> bytes | None:
    """Return a panel as a small JPEG for the page, None where it cannot be read."""
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError:
        return None
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    if image is None:
        return None
    height = max(1, round(image.shape[0] * PANEL_WIDTH / image.shape[1]))
    small = cv2.resize(image, (PANEL_WIDTH, height), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
