"""What an evaluation does not count: labels without a prediction, predictions without a label."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ich_resources.evaluation.cases import Level, Numbers
from ich_resources.hemorrhage import ANY
from ich_resources.scores import Scores

NOT_FOUND = "NOT_FOUND"
"""Code of a label whose slice, series or study no scan has found."""


@dataclass(frozen=True)
class Unpaired:
    """A label without a probability, or probabilities without a label.

    Attributes
    ----------
    what : {"label", "prediction"}
        What there is.
    level : {"slice", "series", "study"}
        What the identifier is of.
    id : str
        ID of the slice, or UID.
    any_label : str
        The label of ``any``: ``1``, ``0`` or empty.
    code, reason : str
        Why the other is missing.
    """

    what: str
    level: Level
    id: str
    any_label: str
    code: str
    reason: str


def without_prediction(
    scores: Scores, level: Level, values: Mapping[str, Numbers], paired: set[str]
) -> list[Unpaired]:
    """Return the labels without a prediction, each with the code of its slice or series.

    Parameters
    ----------
    scores : Scores
        What was scored, and what was not.
    level : {"slice", "series", "study"}
        What the identifiers are of.
    values : mapping of str to float64 array, shape (6,)
        The labels.
    paired : set of str
        Identifiers of labels with a prediction.
    """
    why = _why_unscored(scores, level)
    missing = [name for name in values if name not in paired]
    return [
        Unpaired(
            "label",
            level,
            name,
            _shown(values[name][ANY]),
            *why.get(name, (NOT_FOUND, f"no scan of this run root has found this {level}")),
        )
        for name in missing
    ]


def _why_unscored(scores: Scores, level: Level) -> dict[str, tuple[str, str]]:
    why: dict[str, tuple[str, str]] = {}
    whole: dict[str, set[str]] = {}
    for item in scores.unscored:
        key = {"slice": item.slice_id, "series": item.series, "study": item.study}[level]
        if not key:
            continue
        if level == "slice" or not item.slice_id:
            why.setdefault(key, (item.code, item.reason))
        whole.setdefault(key, set()).add(item.code)
    for key, codes in whole.items():
        why.setdefault(key, (" ".join(sorted(codes)), "none of its slices was scored"))
    return why


def without_label(
    level: Level, ids: Iterable[str], values: Mapping[str, Numbers]
) -> list[Unpaired]:
    """Return the predictions without a label.

    Parameters
    ----------
    level : {"slice", "series", "study"}
        What the identifiers are of.
    ids : iterable of str
        Of all predictions.
    values : mapping of str to float64 array
        The labels.
    """
    return [
        Unpaired("prediction", level, name, "", "NO_LABEL", "the labels do not name it")
        for name in ids
        if name not in values
    ]


def _shown(label: float) -> str:
    return "" if np.isnan(label) else str(int(label))
