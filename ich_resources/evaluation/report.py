"""The evaluation as files hold it: first line, JSON, rows of the tables."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ich_resources.evaluation.intervals import Interval
from ich_resources.evaluation.judging import ClassResult, LevelResult
from ich_resources.evaluation.outcome import Evaluation
from ich_resources.hemorrhage import ANY
from ich_resources.plain_text import one_line

DISCLAIMER = "Research use only. Not for diagnosis."


def first_line(evaluation: Evaluation) -> str:
    """Return what begins every file: use, numbers, weights. It has neither comma nor quote."""
    parts = [DISCLAIMER, *filter(None, [evaluation.weights.warning]), judged(evaluation)]
    parts.append(f"weights: {evaluation.weights.text}")
    return one_line(" | ".join(parts)).replace(",", " ").replace('"', "'")


def judged(evaluation: Evaluation) -> str:
    """Return how many cases were judged, and of how many patients; fewer than asked is named."""
    result = evaluation.main_result
    patients = counted(result.patients, "patient")
    if result.cases < result.asked:
        labelled = f"{result.asked} labelled {noun(result.asked, result.level)}"
        return f"{result.cases} of {labelled}; {patients}"
    return f"{counted(result.cases, result.level)}; {patients}"


def counted(number: int, what: str) -> str:
    """Return a number with its noun: ``1 slice``, ``2 studies``."""
    return f"{number} {noun(number, what)}"


def noun(number: int, what: str) -> str:
    """Return the singular or plural of ``slice``, ``series``, ``study``, ``patient``."""
    plural = {"study": "studies", "series": "series"}.get(what, f"{what}s")
    return what if number == 1 else plural


def plain_report(evaluation: Evaluation) -> dict[str, Any]:
    """Return ``report.json``: the first line, and every number but those of single cases.

    ``per_series.csv`` has the cases, which may be hundreds of thousands.
    """
    values = {**asdict(replace(evaluation, cases=())), "cases": len(evaluation.cases)}
    return {"about": first_line(evaluation), **_plain(values)}


def per_class_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return ``per_class.csv``: a row per level and class, and one of the level as a whole."""
    rows = []
    for result in evaluation.levels:
        rows.append(_whole_row(result))
        rows += [_class_row(result, found) for found in result.classes]
    return rows


def _whole_row(result: LevelResult) -> dict[str, Any]:
    interval = result.loss_interval
    return {
        "level": result.level,
        "class": "weighted",
        "cases": result.cases,
        "asked": result.asked,
        "patients": result.patients,
        "log_loss": result.weighted_log_loss,
        "log_loss_low": None if interval is None else interval.low,
        "log_loss_high": None if interval is None else interval.high,
        "prior_log_loss": result.prior_loss,
    }


def _class_row(result: LevelResult, found: ClassResult) -> dict[str, Any]:
    return {
        "level": result.level,
        "class": found.name,
        "cases": found.cases,
        "asked": result.asked,
        "patients": result.patients,
        "positives": found.positives,
        "auc": found.auc,
        **_bounds("auc", found.interval),
        "log_loss": found.log_loss,
        "prior_log_loss": _entropy(found.positives, found.cases),
        "brier": found.brier,
        "ece": found.ece,
        "calibration_slope": found.slope,
        "calibration_intercept": found.intercept,
        "remark": found.remark,
    }


def _entropy(positives: int, cases: int) -> float | None:
    if cases == 0:
        return None
    share = np.array([positives / cases, 1 - positives / cases])
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


def _bounds(name: str, interval: Interval | None) -> dict[str, Any]:
    if interval is None:
        return {f"{name}_low": None, f"{name}_high": None, f"{name}_interval": ""}
    return {
        f"{name}_low": interval.low,
        f"{name}_high": interval.high,
        f"{name}_interval": interval.how,
    }


def case_rows(evaluation: Evaluation, verdict: str | None = None) -> list[dict[str, Any]]:
    """Return ``per_series.csv``, or the cases with one verdict.

    Parameters
    ----------
    evaluation : Evaluation
        All of it.
    verdict : str, optional
        ``missed`` or ``false alarm``. Missed bleeds come with the lowest P(any) first.
    """
    cases = evaluation.cases if verdict is None else evaluation.with_verdict(verdict)
    if verdict == "missed":
        cases = tuple(reversed(cases))
    point = evaluation.point
    return [
        {
            f"{evaluation.main}_id": case.id,
            **({"series_id": case.series} if evaluation.main != "series" else {}),
            **({"study_id": case.study} if evaluation.main != "study" else {}),
            "labels": case.labels,
            "p_any": case.probability,
            "threshold": None if point is None else point.threshold,
            "verdict": case.verdict,
            "first_subtype": case.first_subtype,
            "p_first_subtype": case.first_probability,
            "slice": case.slice_id,
            "panel": case.panel,
        }
        for case in cases
    ]


def subgroup_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return ``subgroups.csv``."""
    return [
        {
            "column": one_line(found.column),
            "value": one_line(found.value),
            "cases": found.cases,
            "patients": found.patients,
            "positives": found.positives,
            "auc_any": found.auc,
            **_bounds("auc_any", found.interval),
            "remark": found.remark,
        }
        for found in evaluation.subgroups
    ]


def unpaired_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return ``not_counted.csv``: labels without a prediction, predictions without a label."""
    return [
        {
            "what": item.what,
            "level": item.level,
            "id": one_line(item.id),
            "label_any": item.any_label,
            "code": item.code,
            "reason": one_line(item.reason),
        }
        for item in evaluation.unpaired
    ]


def tables(
    evaluation: Evaluation,
) -> dict[str, tuple[list[dict[str, Any]], tuple[str, ...]]]:
    """Return rows and, for a table without rows, columns of each table, by file name."""
    listed = (f"{evaluation.main}_id", "labels", "p_any", "threshold", "verdict", "slice", "panel")
    parts = ("column", "value", "cases", "patients", "positives", "auc_any", "remark")
    return {
        "per_class.csv": (per_class_rows(evaluation), ("level", "class")),
        "per_series.csv": (case_rows(evaluation), listed),
        "subgroups.csv": (subgroup_rows(evaluation), parts),
        "missed.csv": (case_rows(evaluation, "missed"), listed),
        "false_alarms.csv": (case_rows(evaluation, "false alarm"), listed),
        "not_counted.csv": (
            unpaired_rows(evaluation),
            ("what", "level", "id", "label_any", "code", "reason"),
        ),
    }


def headline(evaluation: Evaluation) -> dict[str, Any]:
    """Return the numbers that a person reads first, for Dagster's metadata."""
    found = evaluation.main_result
    values: dict[str, Any] = {
        "judged": judged(evaluation),
        "weights": evaluation.weights.text,
        "auc_any": found.classes[ANY].auc,
        "weighted_log_loss": found.weighted_log_loss,
        "prior_loss": found.prior_loss,
        "missed": len(evaluation.with_verdict("missed")),
        "false_alarms": len(evaluation.with_verdict("false alarm")),
        "labels_without_prediction": sum(u.what == "label" for u in evaluation.unpaired),
        "predictions_without_label": sum(u.what == "prediction" for u in evaluation.unpaired),
    }
    if evaluation.point is not None:
        values["threshold"] = evaluation.point.threshold
        values["sensitivity"] = evaluation.point.sensitivity.value
        values["specificity"] = evaluation.point.specificity.value
    return {key: value for key, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    """Return JSON values: no infinite number, no tuple, no control character."""
    if isinstance(value, Mapping):
        return {one_line(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
