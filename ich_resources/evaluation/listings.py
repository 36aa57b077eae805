"""Which cases a reader opens: missed bleeds, false alarms, and every case with its verdict."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ich_resources.evaluation.cases import Cases
from ich_resources.evaluation.subtypes import SUBTYPES
from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.scores import Scores


@dataclass(frozen=True)
class Listed:
    """One case and its verdict.

    Attributes
    ----------
    id, series, study : str
        ID of the case, SeriesInstanceUID, StudyInstanceUID.
    labels : str
        The labelled subtypes, ``any`` where none is named, ``none`` for no bleed, empty where
        ``any`` was not read.
    probability : float
        P(any).
    first_subtype, first_probability : str, float
        The most probable subtype.
    verdict : str
        ``hit``, ``missed``, ``false alarm``, ``correctly negative`` or empty.
    slice_id : str
        The slice to look at: of a missed bleed the labelled slice with the highest P(any), where
        slices are labelled; else the slice with the highest P(any).
    panel : str
        Path of its saliency panel below the run root; empty where there is none.
    """

    id: str
    series: str
    study: str
    labels: str
    probability: float
    first_subtype: str
    first_probability: float
    verdict: str
    slice_id: str
    panel: str


def list_cases(
    cases: Cases, scores: Scores, threshold: float | None, bleeding_slices: frozenset[str]
) -> tuple[Listed, ...]:
    """Return every case, the highest P(any) first.

    Parameters
    ----------
    cases : Cases
        Of one level.
    scores : Scores
        All slices with probabilities.
    threshold : float
        On P(any); None: no case gets a verdict.
    bleeding_slices : frozenset of str
        IDs of the slices that are labelled as bleeding; empty where slices are not labelled.
    """
    shown = _slices_to_show(cases, scores, bleeding_slices)
    columns = [CLASSES.index(name) for name in SUBTYPES]
    listed = []
    for row, name in enumerate(cases.ids):
        p, top = cases.probabilities[row], int(cases.probabilities[row, columns].argmax())
        listed.append(
            Listed(
                name,
                cases.series[row],
                cases.studies[row],
                _labels(cases.labels[row]),
                float(p[ANY]),
                SUBTYPES[top],
                float(p[columns[top]]),
                _verdict(float(cases.labels[row, ANY]), float(p[ANY]), threshold),
                shown[name],
                scores.panels.get(shown[name], ""),
            )
        )
    return tuple(sorted(listed, key=lambda item: (-item.probability, item.id)))


def _labels(labels: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    if np.isnan(labels[ANY]):
        return ""
    if labels[ANY] == 0:
        return "none"
    named = [name for name in SUBTYPES if labels[CLASSES.index(name)] == 1]
    return " ".join(named) or "any"


def _verdict(label: float, probability: float, threshold: float | None) -> str:
    if np.isnan(label) or threshold is None:
        return ""
    flagged = probability >= threshold
    if label == 1:
        return "hit" if flagged else "missed"
    return "false alarm" if flagged else "correctly negative"


def _slices_to_show(cases: Cases, scores: Scores, bleeding: frozenset[str]) -> Mapping[str, str]:
    if cases.level == "slice":
        return {name: name for name in cases.ids}
    groups = scores.series if cases.level == "series" else scores.studies
    best: dict[str, tuple[bool, float, int]] = {}
    for row, (group, name) in enumerate(zip(groups, scores.slices, strict=True)):
        rank = (name in bleeding, float(scores.probabilities[row, ANY]), -row)
        best[group] = max(best.get(group, rank), rank)
    return {name: scores.slices[-best[name][2]] for name in cases.ids}
