"""Tables of probabilities: per class, per slice, per series."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ich_resources.backbones.table import BACKBONES
from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.steps import SALIENCY
from ich_resources.storage.doubts import doubts
from ich_resources.storage.layout import slice_id
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.probability_schemas import PredictionsContent, SequenceContent
from ich_resources.storage.record import content_as
from ich_resources.storage.saliency_schema import SaliencyContent
from ich_resources.storage.shown import shown_content
from ich_resources.worth import least

MEANS = {f"mean_{name}": name for name in BACKBONES}
"""Columns with the mean P(any) of the folds of each backbone on the deciding slice."""
AGREEMENT = ("lowest_checkpoint", "highest_checkpoint", *MEANS)
"""Columns that say how far the checkpoints agree on the slice with the highest P(any)."""
MADE_BY = (
    "checkpoints",
    "device",
    "backend",
    "precision",
    "slice_context",
    "code_version",
    "untrained_weights",
)
"""Columns that say what made the probabilities."""
OPTIONAL_COLUMNS = ("trained_on", "calibration")
"""More of them, each only where a series has it: networks trained on phantoms, a calibration."""
PER_SERIES_COLUMNS = (
    "max_any",
    "highest_subtype",
    "description",
    "state",
    "earlier_result",
    "doubtful",
    "remarks",
    "primary",
    "slices_scored",
    "slices_found",
    "slices_refused",
    "slices_failed",
    "slices_waiting",
    *AGREEMENT,
    "failed_checks",
    "reasons",
    "failure",
    "slice_number_of_max_any",
    "slice_of_max_any",
    *(f"{what}_{name}" for name in CLASSES[1:] for what in ("max", "slice_of_max")),
    *MADE_BY,
)
"""Columns of ``predictions_per_series.csv`` between the rank and the UIDs."""
UIDS = ("series_id", "study_id")
"""Its last columns."""
OF_THE_NUMBER = (
    "highest_subtype",
    "failed_checks",
    *AGREEMENT,
    "slice_number_of_max_any",
    *(f"{what}_{name}" for name in CLASSES for what in ("max", "slice_of_max")),
    *MADE_BY,
    *OPTIONAL_COLUMNS,
)
"""Columns that come with the probabilities, and are kept while a series is scored again."""


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


def series_row(
    outcome: SeriesOutcome, probabilities: FloatArray | None, failed_checks: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the row of one series in ``predictions_per_series.csv``, without its rank.

    Parameters
    ----------
    outcome : SeriesOutcome
        Its accounting and provenance.
    probabilities : float32 array, shape (N, 6), or None
        As the tables show them, in series order; None for a series without any.
    failed_checks : sequence of str
        Names of the checks that its results fail.
    """
    return {
        "series_id": outcome.series.series_instance_uid,
        "study_id": outcome.series.study_instance_uid,
        "description": outcome.series.description,
        "state": outcome.state,
        "earlier_result": "",
        "doubtful": ", ".join(doubts(outcome, failed_checks)),
        "remarks": "; ".join(outcome.remarks),
        "primary": outcome.series.primary,
        "failed_checks": ", ".join(failed_checks),
        **{f"slices_{key}": number for key, number in outcome.counts.items()},
        **_highest(outcome, probabilities),
        **agreement(outcome, known=probabilities is not None),
        **provenance(outcome),
        "reasons": outcome.reasons,
        "failure": outcome.failure,
    }


def _highest(outcome: SeriesOutcome, probabilities: FloatArray | None) -> dict[str, Any]:
    """Return the highest probability of each class, and its slice."""
    processed = outcome.processed
    if probabilities is None or processed is None:
        empty = {f"{w}_{n}": v for n in CLASSES for w, v in (("max", None), ("slice_of_max", ""))}
        return empty | {"highest_subtype": "", "slice_number_of_max_any": None}
    found: dict[str, Any] = {}
    places = probabilities.argmax(axis=0).tolist()
    for index, (name, place) in enumerate(zip(CLASSES, places, strict=True)):
        found[f"max_{name}"] = float(probabilities[place, index])
        found[f"slice_of_max_{name}"] = slice_id(processed.slices[place].sop_instance_uid)
    subtypes = {name: found[f"max_{name}"] for name in CLASSES if name != CLASSES[ANY]}
    return found | {
        "highest_subtype": max(subtypes, key=subtypes.__getitem__),
        "slice_number_of_max_any": places[ANY] + 1,
    }


def agreement(outcome: SeriesOutcome, *, known: bool) -> dict[str, float | None]:
    """Return P(any) of the checkpoints on the slice with the highest P(any), by column.

    Parameters
    ----------
    outcome : SeriesOutcome
        Its panels have noted the numbers, before a calibration. An earlier version noted none.
    known : bool
        Whether the series has probabilities.
    """
    record = outcome.records.get(SALIENCY) if known else None
    pages = content_as(record, SaliencyContent).content.pages if record is not None else None
    if pages is None:
        return dict.fromkeys(AGREEMENT)
    folds = {name: values for name, values in pages.checkpoints.items() if values}
    every = [value for values in folds.values() for value in values]
    means = {
        column: sum(folds[name]) / len(folds[name]) if name in folds else None
        for column, name in MEANS.items()
    }
    lowest, highest = min(every, default=None), max(every, default=None)
    return {"lowest_checkpoint": lowest, "highest_checkpoint": highest, **means}


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
