"""A threshold on P(any): how it is chosen, and what it means at local prevalence."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ich_resources.errors import IchError
from ich_resources.evaluation.cases import Cases, class_values
from ich_resources.evaluation.intervals import Share, wilson
from ich_resources.hemorrhage import ANY

Numbers = npt.NDArray[np.float64]
Rule = Literal["sensitivity", "youden"]


@dataclass(frozen=True)
class OperatingPoint:
    """What a threshold does on some cases. At or above it a case is flagged.

    Attributes
    ----------
    threshold : float
        On P(any), as the tables show it.
    rule : str
        How it was chosen, for people.
    reported_on : str
        Which cases the numbers are of, for people.
    true_positives, false_positives, true_negatives, false_negatives : int
        Counts of cases.
    sensitivity, specificity : Share
        With Wilson intervals.
    prevalence : float or None
        Of the setting that PPV and NPV are for.
    prevalence_from : str
        ``given``, or ``these cases``.
    ppv, npv : float or None
        Predictive values at this prevalence; None where they are not defined.
    flagged_per_100 : float or None
        How many of 100 cases are flagged at this prevalence.
    """

    threshold: float
    rule: str
    reported_on: str
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    sensitivity: Share
    specificity: Share
    prevalence: float | None
    prevalence_from: str
    ppv: float | None
    npv: float | None
    flagged_per_100: float | None


def choose_threshold(
    labels: Numbers, probabilities: Numbers, rule: Rule, sensitivity: float
) -> float:
    """Return a threshold by a rule.

    Parameters
    ----------
    labels : float64 array, shape (n,)
        0 or 1.
    probabilities : float64 array, shape (n,)
        0..1.
    rule : {"sensitivity", "youden"}
        The highest threshold whose sensitivity is at least the one wanted, so that the fewest cases
        are flagged; or the highest sensitivity + specificity, of equals the lowest threshold.
    sensitivity : float
        Wanted sensitivity, 0..1; for the first rule.

    Raises
    ------
    IchError
        If there is no positive, or for Youden no negative.
    """
    positive = np.sort(probabilities[labels == 1])
    negative = np.sort(probabilities[labels == 0])
    if len(positive) == 0 or (rule == "youden" and len(negative) == 0):
        raise IchError(
            "a threshold cannot be chosen: the cases have no labelled bleed, or nothing else",
            remedy="give resources.evaluation.threshold, or labels of both kinds",
        )
    if rule == "sensitivity":
        needed = math.ceil(sensitivity * len(positive) - 1e-9)
        return float(positive[len(positive) - max(needed, 1)])
    candidates = np.unique(probabilities)
    hits = len(positive) - np.searchsorted(positive, candidates, side="left")
    spared = np.searchsorted(negative, candidates, side="left")
    return float(candidates[np.argmax(hits / len(positive) + spared / len(negative))])


def operating_point(
    cases: Cases,
    threshold: float,
    *,
    prevalence: float | None = None,
    rule: str = "given",
    reported_on: str = "all cases",
) -> OperatingPoint:
    """Return what a threshold does on the cases whose ``any`` was read.

    Parameters
    ----------
    cases : Cases
        Of one level.
    threshold : float
        On P(any).
    prevalence : float, optional
        Share of bleeds where the networks are to be used; default: that of the cases.
    rule, reported_on : str
        For people.
    """
    labels, probabilities, _ = class_values(cases, ANY)
    flagged, bleeding = probabilities >= threshold, labels == 1
    tp, fn = int((flagged & bleeding).sum()), int((~flagged & bleeding).sum())
    fp, tn = int((flagged & ~bleeding).sum()), int((~flagged & ~bleeding).sum())
    sensitivity, specificity = wilson(tp, tp + fn), wilson(tn, tn + fp)
    given = prevalence is not None
    local = prevalence if prevalence is not None else _share(tp + fn, len(labels))
    ppv, npv, flagged_share = _at_prevalence(sensitivity.value, specificity.value, local)
    return OperatingPoint(
        threshold,
        rule,
        reported_on,
        tp,
        fp,
        tn,
        fn,
        sensitivity,
        specificity,
        local,
        "given" if given else "these cases",
        ppv,
        npv,
        None if flagged_share is None else 100 * flagged_share,
    )


def _share(part: int, of: int) -> float | None:
    return part / of if of else None


def _at_prevalence(
    sensitivity: float | None, specificity: float | None, prevalence: float | None
) -> tuple[float | None, float | None, float | None]:
    if sensitivity is None or specificity is None or prevalence is None:
        return None, None, None
    ppv, npv = predictive_values(sensitivity, specificity, prevalence)
    return ppv, npv, sensitivity * prevalence + (1 - specificity) * (1 - prevalence)


def predictive_values(
    sensitivity: float, specificity: float, prevalence: float
) -> tuple[float | None, float | None]:
    """Return PPV and NPV at a prevalence; None where nothing is flagged, or everything.

    Parameters
    ----------
    sensitivity, specificity, prevalence : float
        0..1.
    """
    hits, alarms = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    spared, missed = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    ppv = hits / (hits + alarms) if hits + alarms > 0 else None
    npv = spared / (spared + missed) if spared + missed > 0 else None
    return ppv, npv


def shift_prevalence(probabilities: Numbers, before: float, after: float) -> Numbers:
    """Return probabilities for another prevalence: logit p' = logit p + logit after - logit before.

    Parameters
    ----------
    probabilities : float64 array
        Calibrated at the prevalence ``before``.
    before, after : float
        Prevalences, between 0 and 1.

    Returns
    -------
    float64 array
        In the shape of the probabilities.

    Raises
    ------
    ValueError
        If a prevalence is not between 0 and 1.
    """
    if not (0 < before < 1 and 0 < after < 1):
        raise ValueError(f"prevalences {before} and {after} are not between 0 and 1")
    odds = after / (1 - after) * (1 - before) / before
    p = np.asarray(probabilities, np.float64)
    return p * odds / (1 - p + p * odds)


def first_half(cases: Cases, seed: int) -> npt.NDArray[np.bool_]:
    """Return which cases belong to the first half of the patients.

    Bleeding patients and others are shuffled and halved apart, so that both halves have both.

    Parameters
    ----------
    cases : Cases
        Of one level.
    seed : int
        Of numpy's default generator. The same patients and seed give the same halves.

    Returns
    -------
    bool array, shape (N,)
        All cases of a patient have the same value.
    """
    bleeding = {
        patient
        for patient, label in zip(cases.patients, cases.labels[:, ANY], strict=True)
        if label == 1
    }
    random = np.random.default_rng(seed)
    chosen: set[str] = set()
    for group in (bleeding, set(cases.patients) - bleeding):
        names = np.array(sorted(group), dtype=object)
        random.shuffle(names)
        chosen.update(names[: (len(names) + 1) // 2].tolist())
    return np.array([patient in chosen for patient in cases.patients], np.bool_)
