"""Metadata of Dagster's events: tables, small inline pictures, what made a result."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import dagster as dg
import numpy as np
import pandas as pd

from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.plain_text import one_line
from ich_resources.storage.content import Content
from ich_resources.storage.series_tables import ranked
from ich_resources.storage.table_rows import TableRow

DATA_VERSION_TAG = "dagster/data_version"
"""Tag of a materialisation that holds its data version."""
TABLE_ROWS = 200
"""Rows of a table kept in Dagster's metadata; the CSV has all."""
_SAFE = "=/:,;+.!~*'"
"""What stands for itself in the address of a picture."""
SHOWN = 4
"""Slices in a preview of the highest probabilities."""


def highest_slices(probabilities: FloatArray, first: int = 0) -> list[int]:
    """Return the indices of the slices with the highest P(any), highest first.

    Parameters
    ----------
    probabilities : float32 array, shape (M, 6)
        Of consecutive slices.
    first : int
        Index of the first of them in its series.
    """
    order = np.argsort(-probabilities[:, ANY], kind="stable")[:SHOWN]
    return [first + index for index in order.tolist()]


def materialized(
    context: dg.AssetExecutionContext, data_version: str, metadata: Mapping[str, Any]
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Return what an asset returns: its event, with metadata.

    Metadata of a MaterializeResult would also be stored with the output of the step.

    Parameters
    ----------
    context : dagster.AssetExecutionContext
        Of the step.
    data_version : str
        Of the result.
    metadata : mapping of str to object
        As Dagster shows it.
    """
    context.add_asset_metadata(metadata)
    return dg.MaterializeResult(data_version=dg.DataVersion(data_version))


def inline_picture(picture: bytes, title: str) -> dg.MarkdownMetadataValue:
    """Return a picture as Markdown, which Dagster stores with the event and shows.

    Parameters
    ----------
    picture : bytes
        SVG or WebP of a few KB: Dagster stores it twice.
    title : str
        In place of the picture where it cannot be shown.
    """
    if picture.startswith(b"<svg"):  # shorter than with base64
        address = f"data:image/svg+xml,{quote(picture, safe=_SAFE)}"
    else:
        address = f"data:image/webp;base64,{base64.b64encode(picture).decode()}"
    return dg.MetadataValue.md(f"![{title}]({address})")


def probability_table(
    probabilities: FloatArray, sop_uids: Sequence[str] = ()
) -> dg.TableMetadataValue:
    """Return a row per class: highest and mean probability, and the slice of the highest.

    Parameters
    ----------
    probabilities : float32 array, shape (N, 6)
        In series order.
    sop_uids : sequence of str
        SOPInstanceUIDs in series order; without them the slice has its number alone.
    """
    rows = []
    for name, values in zip(CLASSES, probabilities.T, strict=True):
        highest_at = int(values.argmax())
        row: dict[str, str | float] = {
            "class": name,
            "highest": round(float(values.max()), 4),
            "mean": round(float(values.mean()), 4),
            "slice": highest_at + 1,
        }
        rows.append(row | ({"sop_instance_uid": sop_uids[highest_at]} if sop_uids else {}))
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows])


def highest(probabilities: FloatArray) -> dict[str, float]:
    """Return the highest probability of each class as plain numbers, which Dagster plots.

    Parameters
    ----------
    probabilities : float32 array, shape (N, 6)
        One row per slice, at least one.
    """
    return {
        f"max_{name}": round(float(p), 6)
        for name, p in zip(CLASSES, probabilities.max(0), strict=True)
    }


def highest_captions(probabilities: FloatArray, shown: list[int]) -> list[str]:
    """Return the caption of each slice that is shown: its index and its P(any).

    Parameters
    ----------
    probabilities : float32 array, shape (N, 6)
        In series order.
    shown : list of int
        Indices of slices.
    """
    return [f"slice {i + 1}  any {probabilities[i, ANY]:.2f}" for i in shown]


def made_by(content: Content) -> dict[str, Any]:
    """Return what made a result and in how many seconds, from its record.

    Parameters
    ----------
    content : Content
        Of the record.
    """
    names = ("device", "precision", "backend", "slice_context", "input_size", "calibration")
    known = {name: getattr(content, name, None) for name in names}
    return {
        **{name: value for name, value in known.items() if value is not None},
        "untrained_weights": content.worth == "nothing",
        "trained_on": content.worth,
        "seconds": content.seconds,
    }


def table_metadata(frame: pd.DataFrame) -> dg.TableMetadataValue:
    """Return the first rows of a table for Dagster's metadata; the CSV has all of them."""
    rows = frame.head(TABLE_ROWS).replace({np.nan: None}).to_dict("records")
    return dg.MetadataValue.table(
        [dg.TableRecord({str(k): _shown(v) for k, v in row.items()}) for row in rows],
        dg.TableSchema([dg.TableColumn(str(name)) for name in frame.columns]),
    )


def _shown(value: Any) -> Any:
    return one_line(value) if isinstance(value, str) else value


def ranking_metadata(rows: Sequence[TableRow]) -> dg.TableMetadataValue:
    """Return the first rows of the ranking as a person reads it: three digits, UIDs last.

    The first five columns fit into the first screen of a window 1440 pixels wide.

    Parameters
    ----------
    rows : sequence of TableRow
        All series.
    """
    shown = [_ranking_row(rank, row) for rank, row in enumerate(ranked(rows)[:TABLE_ROWS], 1)]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in shown], _RANKING)


def _ranking_row(rank: int, row: TableRow) -> dict[str, Any]:
    page, known = row.page, row.p_any is not None
    subtypes = dict(zip(CLASSES[1:], page.get("p", ())[1:], strict=False))
    folds = [value for values in (page.get("g") or {}).values() for value in values]
    remarks = [row.earlier, *page["r"]]
    return {
        "rank": rank if known else None,
        "P(any)": f"{row.p_any:.3f}" if row.p_any is not None else "",
        "description": page["d"],
        "state": row.state,
        "remarks": "; ".join(filter(None, remarks)),
        "highest subtype": max(subtypes, key=subtypes.__getitem__) if subtypes else "",
        "doubtful": ", ".join(row.doubts),
        "primary": "yes" if row.primary else "no",
        "slices": f"{row.counts[1]} of {row.counts[0]}",
        "checkpoints": f"{min(folds):.3f} to {max(folds):.3f}" if folds else "",
        "series_id": row.series,
        "study_id": row.study,
    }


_RANKING = dg.TableSchema(
    [
        dg.TableColumn(name, "int" if name == "rank" else "string")
        for name in (
            "rank",
            "P(any)",
            "description",
            "state",
            "remarks",
            "highest subtype",
            "doubtful",
            "primary",
            "slices",
            "checkpoints",
            "series_id",
            "study_id",
        )
    ]
)
