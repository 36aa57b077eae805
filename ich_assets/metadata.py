"""Metadata people see in Dagster: tables and small inline pictures."""

import base64

import dagster as dg
import numpy as np

from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import ANY, CLASSES

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


def inline_png(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    """Return a PNG of at most 50 KB as Markdown, which Dagster stores and shows in line."""
    return dg.MetadataValue.md(
        f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})"
    )


def probability_table(probabilities: FloatArray, sop_uids: list[str]) -> dg.TableMetadataValue:
    """Return a row per class: highest and mean probability, and the slice of the highest.

    Parameters
    ----------
    probabilities : float32 array, shape (N, 6)
        In series order.
    sop_uids : list of str
        SOPInstanceUIDs in series order.
    """
    rows = [
        dg.TableRecord(
            {
                "class": name,
                "highest": round(float(probabilities[:, i].max()), 4),
                "mean": round(float(probabilities[:, i].mean()), 4),
                "slice": int(probabilities[:, i].argmax()),
                "sop_instance_uid": sop_uids[int(probabilities[:, i].argmax())],
            }
        )
        for i, name in enumerate(CLASSES)
    ]
    return dg.MetadataValue.table(rows)


def highest(probabilities: FloatArray) -> dict[str, float]:
    """Return the highest probability of each class as plain numbers, which Dagster plots."""
    return {
        f"max_{name}": round(float(p), 6)
        for name, p in zip(CLASSES, probabilities.max(0), strict=True)
    }
