"""The numbers of each picture of an evaluation, as the drawing functions take them."""

from typing import Any

from ich_resources.evaluation.judging import ClassResult
from ich_resources.evaluation.outcome import Evaluation
from ich_resources.evaluation.page_parts import NONE, bounds, number
from ich_resources.evaluation.report import DISCLAIMER, judged
from ich_resources.evaluation.subtypes import SUBTYPES


def roc(evaluation: Evaluation) -> dict[str, Any]:
    """Return the curves: (class, false positive rates, true positive rates, legend)."""
    found, point = evaluation.main_result, evaluation.point
    at = None
    if point is not None and None not in (point.specificity.value, point.sensitivity.value):
        at = (1 - (point.specificity.value or 0.0), point.sensitivity.value)
    return {
        "curves": [
            (
                c.name,
                () if c.roc is None else c.roc.false_positive_rate,
                () if c.roc is None else c.roc.true_positive_rate,
                _legend(c),
            )
            for c in found.classes
        ],
        "point": at,
        "title": f"By {found.level}: {judged(evaluation)}",
        "note": _note(evaluation),
    }


def _legend(found: ClassResult) -> str:
    if found.auc is None:
        return f"{NONE} ({found.positives} of {found.cases} with bleed: too few)"
    interval = f" ({bounds(found.interval, 2)})" if found.interval is not None else ""
    return f"AUC {number(found.auc, 2)}{interval}, {found.positives} of {found.cases}"


def reliability(evaluation: Evaluation) -> dict[str, Any]:
    """Return the bins: (class, means, shares, lower bounds, upper bounds, text)."""
    return {
        "classes": [
            (
                c.name,
                [b.mean for b in c.bins],
                [b.positives.value for b in c.bins],
                [b.positives.low for b in c.bins],
                [b.positives.high for b in c.bins],
                f"ECE {number(c.ece, 3)}, slope {number(c.slope, 2)}",
            )
            for c in evaluation.main_result.classes
        ],
        "note": _note(evaluation),
    }


def confusion(evaluation: Evaluation) -> dict[str, Any]:
    """Return the counts at the threshold, and those of the subtypes."""
    point = evaluation.point
    counts = None
    if point is not None:
        counts = (
            point.true_positives,
            point.false_negatives,
            point.false_positives,
            point.true_negatives,
        )
    return {
        "counts": counts,
        "subtypes": evaluation.subtypes.first,
        "names": SUBTYPES,
        "note": _note(evaluation),
    }


def _note(evaluation: Evaluation) -> str:
    return "   ".join(filter(None, [evaluation.weights.warning, DISCLAIMER]))
