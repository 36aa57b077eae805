"""The whole evaluation of probabilities by labels: of a run root, or out of fold."""

from dataclasses import replace
from typing import Any

import numpy as np

from ich_resources.errors import IchError
from ich_resources.evaluation.calibration import fit
from ich_resources.evaluation.cases import Cases, Level, class_values
from ich_resources.evaluation.comparison import Comparison, compare
from ich_resources.evaluation.judging import judge_level
from ich_resources.evaluation.listings import list_cases
from ich_resources.evaluation.notes import about_fit, about_readers, about_training
from ich_resources.evaluation.operating_point import (
    OperatingPoint,
    choose_threshold,
    first_half,
    operating_point,
)
from ich_resources.evaluation.outcome import Evaluation, Fitted, Options
from ich_resources.evaluation.pairing import Pairs, pair
from ich_resources.evaluation.subgroups import judge_subgroups
from ich_resources.evaluation.subtypes import count_subtypes
from ich_resources.hemorrhage import ANY
from ich_resources.judged import Calibration
from ich_resources.labels import Labels
from ich_resources.scores import Scores

HALVES = "one half of the patients"
OTHER_HALF = "the other half of the patients"
ALL = "all cases"
NAMES = ("this run root", "the other run root")


def evaluate(
    scores: Scores,
    labels: Labels,
    options: Options,
    other: Scores | None = None,
    names: tuple[str, str] = NAMES,
) -> Evaluation:
    """Judge probabilities by labels.

    Parameters
    ----------
    scores : Scores
        Probabilities of slices: of a run root, or out of fold.
    labels : Labels
        Of slices, series or studies.
    options : Options
        Choices.
    other : Scores, optional
        Probabilities of the same slices to compare with.
    names : (str, str)
        What the two are, for people.

    Raises
    ------
    IchError
        If labels contradict each other, or nothing can be paired, fitted or compared as asked.
    """
    pairs = pair(scores, labels)
    main = pairs.level(_main_level(pairs, options))
    weights, seen = about_training(scores, pairs.levels[0], options)
    results = tuple(
        judge_level(
            cases,
            asked=pairs.asked.get(cases.level),
            draws=options.bootstrap,
            seed=options.seed,
        )
        for cases in pairs.levels
    )
    point, chosen_on, why = _point(main, options)
    fitted = _fitted(pairs.levels[0], options, scores.origin)
    subgroups, notes = judge_subgroups(
        main,
        scores.facts,
        pairs.subgroups if main.level == labels.level else {},
        draws=options.bootstrap,
        seed=options.seed,
    )
    return Evaluation(
        weights,
        results,
        main.level,
        point,
        chosen_on,
        count_subtypes(main),
        subgroups,
        list_cases(main, scores, point.threshold if point else None, _bleeding(pairs)),
        pairs.unpaired,
        pairs.patients_from,
        fitted,
        None
        if other is None
        else _compared(main, pair(other, labels).level(main.level), names, options),
        (*seen, *labels.notes, *why, *notes, *about_readers(labels), *about_fit(fitted)),
    )


def _main_level(pairs: Pairs, options: Options) -> Level:
    if options.level != "auto":
        return options.level
    known = [cases.level for cases in pairs.levels]
    return "series" if "series" in known else known[-1]


def _point(
    cases: Cases, options: Options
) -> tuple[OperatingPoint | None, dict[str, Any], tuple[str, ...]]:
    """Return the operating point, what it was chosen on, and why there is none."""
    if options.threshold is not None:
        point = operating_point(cases, options.threshold, prevalence=options.prevalence)
        return point, {"how": "given by hand"}, ()
    chosen_on, judged = cases, cases
    if options.halves:
        first = first_half(cases, options.seed)
        chosen_on, judged = cases.where(first), cases.where(~first)
    labels, probabilities, rows = class_values(chosen_on, ANY)
    try:
        threshold = choose_threshold(labels, probabilities, options.rule, options.sensitivity)
    except IchError as err:
        return None, {}, (f"No threshold was chosen: {err}.",)
    about = {
        "cases": len(rows),
        "patients": len({chosen_on.patients[row] for row in rows.tolist()}),
        "positives": int(labels.sum()),
        "how": f"{HALVES} (seed {options.seed})" if options.halves else ALL,
    }
    point = operating_point(
        judged,
        threshold,
        prevalence=options.prevalence,
        rule=_rule(options),
        reported_on=OTHER_HALF if options.halves else ALL,
    )
    same = "The threshold was chosen and judged on the same cases; on others it will do worse."
    return point, about, () if options.halves else (same,)


def _rule(options: Options) -> str:
    if options.rule == "youden":
        return "highest sensitivity + specificity (Youden)"
    return f"fewest flagged with a sensitivity of at least {options.sensitivity:g}"


def _bleeding(pairs: Pairs) -> frozenset[str]:
    first = pairs.levels[0]
    if first.level != "slice":
        return frozenset()
    rows = np.flatnonzero(first.labels[:, ANY] == 1)
    return frozenset(first.ids[row] for row in rows.tolist())


def _fitted(cases: Cases, options: Options, origin: str) -> Fitted | None:
    if options.fit == "off":
        return None
    if cases.number_of_patients < 2:
        raise IchError(
            "a calibration needs at least two patients: one half is fitted, the other reported",
            remedy="give more labels, or leave resources.evaluation.fit off",
        )
    first = first_half(cases, options.seed)
    fit_on, report_on = cases.where(first), cases.where(~first)
    classes = fit(fit_on, options.fit)
    applied = Calibration(options.fit, classes, {"": ("0" * 64,)}, {}, cases.level)
    after = report_on.with_probabilities(applied.apply(report_on.probabilities).astype(np.float64))
    draws, seed = options.bootstrap, options.seed
    about = {
        f"{cases.level}s": len(fit_on),
        "patients": fit_on.number_of_patients,
        "how": f"{HALVES} of {origin} (seed {seed})",
    }
    return Fitted(
        options.fit,
        classes,
        cases.level,
        about,
        judge_level(report_on, draws=draws, seed=seed),
        judge_level(after, draws=draws, seed=seed),
    )


def _compared(main: Cases, theirs: Cases, names: tuple[str, str], options: Options) -> Comparison:
    # One patient may be known by the labels or by the study; both sides need the same groups.
    known = dict(zip(main.ids, main.patients, strict=True))
    patients = tuple(known.get(i, p) for i, p in zip(theirs.ids, theirs.patients, strict=True))
    return compare(
        main,
        replace(theirs, patients=patients),
        names=names,
        draws=options.bootstrap,
        seed=options.seed,
    )
