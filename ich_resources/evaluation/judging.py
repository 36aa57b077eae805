"""One level of cases, judged: every class with its AUC, losses and calibration."""

from dataclasses import dataclass

import numpy as np

from ich_resources.evaluation.bootstrap import Draws, draw_statistics
from ich_resources.evaluation.calibration import (
    Bin,
    expected_calibration_error,
    reliability,
    slope_and_intercept,
)
from ich_resources.evaluation.cases import Cases, Level, class_values
from ich_resources.evaluation.curves import Roc, auc, roc
from ich_resources.evaluation.intervals import Interval, delong, percentile
from ich_resources.hemorrhage import CLASSES
from ich_resources.metric import class_log_losses, prior_loss, weighted_log_loss

NOT_ESTIMABLE = "every positive stands above every negative, or the reverse: no interval"
TOO_FEW = "fewer than 2 positives or 2 negatives"


@dataclass(frozen=True)
class ClassResult:
    """How good one class is.

    Attributes
    ----------
    name : str
        The class.
    cases, positives : int
        Those whose class was read.
    auc : float or None
        None where there are too few cases.
    interval, delong : Interval or None
        The interval to show, and DeLong's, which takes the cases as independent.
    log_loss, brier, ece : float or None
        None for no case.
    slope, intercept : float or None
        Of the labels on logit p; 1 and 0 are perfect.
    remark : str
        Why a value is missing.
    roc : Roc or None
        The curve.
    bins : tuple of Bin
        Reliability.
    """

    name: str
    cases: int
    positives: int
    auc: float | None
    interval: Interval | None
    delong: Interval | None
    log_loss: float | None
    brier: float | None
    ece: float | None
    slope: float | None
    intercept: float | None
    remark: str
    roc: Roc | None
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class LevelResult:
    """How good the probabilities of one level are.

    Attributes
    ----------
    level : {"slice", "series", "study"}
        What a case is.
    cases, patients, asked : int
        Judged cases and their patients; labelled cases, with and without probabilities.
    classes : tuple of ClassResult
        In the order of ``hemorrhage.CLASSES``.
    weighted_log_loss : float or None
        None where there is not a single label.
    loss_interval : Interval or None
        Bootstrap over patients.
    prior_loss : float or None
        The loss of constant probabilities: the prevalences of these cases.
    """

    level: Level
    cases: int
    patients: int
    asked: int
    classes: tuple[ClassResult, ...]
    weighted_log_loss: float | None
    loss_interval: Interval | None
    prior_loss: float | None


def judge_level(
    cases: Cases, *, asked: int | None = None, draws: int = 2000, seed: int = 0
) -> LevelResult:
    """Judge the cases of one level.

    Parameters
    ----------
    cases : Cases
        Of one level.
    asked : int, optional
        How many have labels; default: as many as there are cases.
    draws : int
        Samples of the bootstrap; 0 for none.
    seed : int
        Of the bootstrap.
    """
    patients = cases.number_of_patients
    sampled = draw_statistics(cases, draws, seed) if patients > 1 and draws else None
    several = patients < len(cases)
    labelled = not np.isnan(cases.labels).all()
    return LevelResult(
        cases.level,
        len(cases),
        patients,
        len(cases) if asked is None else asked,
        tuple(_class(cases, column, sampled, several) for column in range(len(CLASSES))),
        weighted_log_loss(cases.labels, cases.probabilities) if labelled else None,
        None if sampled is None else percentile(sampled.loss),
        prior_loss(cases.labels) if labelled else None,
    )


def judge_class(cases: Cases, column: int, *, draws: int, seed: int) -> ClassResult:
    """Judge one class alone.

    Parameters
    ----------
    cases : Cases
        Of one level.
    column : int
        The class, in the order of ``CLASSES``.
    draws : int
        Samples of the bootstrap; 0 for none. It resamples patients, so it needs several, and
        one of them with more than one case.
    seed : int
        Of the bootstrap.
    """
    patients = cases.number_of_patients
    several = patients < len(cases)
    needed = several and patients > 1 and draws
    sampled = draw_statistics(cases, draws, seed, [column]) if needed else None
    return _class(cases, column, sampled, several)


def _class(cases: Cases, column: int, sampled: Draws | None, several: bool) -> ClassResult:
    labels, probabilities, _ = class_values(cases, column)
    area = auc(labels, probabilities)
    by_delong = delong(labels, probabilities)
    by_patients = None if sampled is None else percentile(sampled.auc[:, column])
    if area in (0.0, 1.0):
        by_patients = None
    interval = by_patients if several else by_delong
    bins = reliability(labels, probabilities)
    line = slope_and_intercept(labels, probabilities)
    losses = class_log_losses(cases.labels, cases.probabilities)
    return ClassResult(
        CLASSES[column],
        len(labels),
        int(labels.sum()),
        area,
        interval,
        by_delong,
        _number(losses[column]),
        float(np.mean((probabilities - labels) ** 2)) if len(labels) else None,
        expected_calibration_error(bins),
        None if line is None else line[0],
        None if line is None else line[1],
        TOO_FEW if area is None else "" if interval is not None else _without_interval(area),
        roc(labels, probabilities),
        bins,
    )


def _without_interval(area: float) -> str:
    return NOT_ESTIMABLE if area in (0.0, 1.0) else "no interval: too few patients"


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
