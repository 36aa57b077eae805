"""Tables of probabilities: per class, per slice, per series."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.storage.flagging import FLAGGED
from ich_resources.storage.layout import slice_id
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.probability_schemas import PredictionsContent, SequenceContent
from ich_resources.storage.shown import shown_content
from ich_resources.worth import least

PER_SERIES_COLUMNS = (
    "series_id",
    "study_id",
    "state",
    "slices_found",
    "slices_scored",
    "slices_refused",
    "slices_failed",
    "slices_waiting",
    *(f"{what}_{name}" for name in CLASSES for what in ("max", "slice_of_max")),
    "checkpoints",
    "device",
    "backend",
    "precision",
    "slice_context",
    "code_version",
    "untrained_weights",
    "reasons",
    "failure",
)
"""Columns of ``predictions_per_series.csv`` behind the rank."""
OPTIONAL_COLUMNS = ("trained_on", "calibration", FLAGGED)
"""Columns at its end, each only where a series has it: networks trained on phantoms, a calibration,
a threshold."""


def per_slice_table(sop_instance_uids: Sequence[str], probabilities: FloatArray) -> pd.DataFrame:
    """Return ``predictions_per_slice.csv``, sorted by file name.

    Parameters
    ----------
    sop_instance_uids : sequence of str
        N of them.
    probabilities : float32 array, shape (N, 6)
        Ensemble probabilities.
    """
    stems = [slice_id(uid) for uid in sop_instance_uids]
    table = pd.DataFrame(np.asarray(probabilities, np.float64), columns=list(CLASSES))
    table.insert(0, "ID", stems)
    table.insert(1, "filename", [f"{stem}.png" for stem in stems])
    return table.sort_values("filename", ignore_index=True)


def per_class_table(per_slice: pd.DataFrame) -> pd.DataFrame:
    """Return ``predictions.csv``: ID, Label; a row per slice and class, in class order."""
    ids = [f"{stem}_{name}" for stem in per_slice["ID"] for name in CLASSES]
    labels = per_slice[list(CLASSES)].to_numpy(np.float64).ravel()
    return pd.DataFrame({"ID": ids, "Label": labels})


def series_row(outcome: SeriesOutcome, probabilities: FloatArray | None) -> dict[str, Any]:
    """Return the row of one series in ``predictions_per_series.csv``, without its rank.

    Parameters
    ----------
    outcome : SeriesOutcome
        Its accounting and provenance.
    probabilities : float32 array, shape (N, 6), or None
        Ensemble probabilities in series order; None for a series without any.
    """
    row: dict[str, Any] = {
        "series_id": outcome.series.series_instance_uid,
        "study_id": outcome.series.study_instance_uid,
        "state": outcome.state,
        **{f"slices_{key}": number for key, number in outcome.counts.items()},
    }
    for index, name in enumerate(CLASSES):
        highest = None if probabilities is None else int(probabilities[:, index].argmax())
        processed = outcome.processed
        row[f"max_{name}"] = (
            float(probabilities[highest, index])
            if probabilities is not None and highest is not None
            else None
        )
        row[f"slice_of_max_{name}"] = (
            slice_id(processed.slices[highest].sop_instance_uid)
            if processed is not None and highest is not None
            else ""
        )
    return row | provenance(outcome) | {"reasons": outcome.reasons, "failure": outcome.failure}


def provenance(outcome: SeriesOutcome) -> dict[str, Any]:
    """Return what made the probabilities of a series; empty texts where there are none."""
    made_by = [
        record.content
        for record in outcome.records.values()
        if isinstance(record.content, PredictionsContent)
    ]

    def each(key: str) -> str:
        values = {getattr(content, key) for content in made_by}
        return " ".join(sorted("not recorded" if v is None else str(v) for v in values))

    checkpoints = [
        f"{content.backbone}/{fold.file}:{fold.digest[:12]}"
        for content in made_by
        for fold in content.folds
    ]
    made = {
        "checkpoints": " ".join(checkpoints),
        "device": each("device"),
        "backend": each("backend"),
        "precision": each("precision"),
        "slice_context": each("slice_context"),
        "code_version": each("code_version"),
        "untrained_weights": each("untrained"),
    }
    if "phantoms" in (content.worth for content in made_by):
        made["trained_on"] = least(content.worth for content in made_by)
    shown = shown_content(outcome.records)
    if shown is not None and shown.calibration:
        made["calibration"] = shown.calibration[:12]
    if isinstance(shown, SequenceContent):
        named = (f"SequenceModel/{model.file}:{model.digest[:12]}" for model in shown.models)
        made["checkpoints"] = " ".join([*checkpoints, *named])
    return made


def per_series_table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return ``predictions_per_series.csv``, ranked by the highest P(any); unscored ones last."""
    column = f"max_{CLASSES[ANY]}"
    optional = [name for name in OPTIONAL_COLUMNS if any(name in row for row in rows)]
    table = pd.DataFrame(rows, columns=[*PER_SERIES_COLUMNS, *optional])
    table = table.sort_values([column, "series_id"], ascending=[False, True], ignore_index=True)
    table.insert(0, "rank", range(1, len(table) + 1))
    return table
