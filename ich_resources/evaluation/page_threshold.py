"""The section of the page on the threshold: what it does, here and where bleeds are rarer."""

import numpy as np

from ich_resources.evaluation.operating_point import OperatingPoint, shift_prevalence
from ich_resources.evaluation.outcome import Evaluation
from ich_resources.evaluation.page_parts import (
    Pictures,
    number,
    paragraph,
    percent,
    picture,
    section,
    share,
    table,
    text,
)
from ich_resources.evaluation.report import noun
from ich_resources.hemorrhage import ANY

_SHOWN = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Probabilities that are translated to another prevalence."""


def at_the_threshold(evaluation: Evaluation, pictures: Pictures) -> str:
    """Return what the threshold does, and what that means at local prevalence."""
    point = evaluation.point
    if point is None:
        return section(
            "threshold",
            "At the threshold",
            paragraph("There is no threshold."),
            picture(pictures, "confusion", "Subtypes"),
        )
    level = evaluation.main
    where = "given" if point.prevalence_from == "given" else "that of these cases"
    rows = [
        ("Threshold on P(any)", f"{number(point.threshold, 4)} — {text(point.rule)}"),
        ("Numbers are of", text(point.reported_on)),
        ("Sensitivity", share(point.sensitivity)),
        ("Specificity", share(point.specificity)),
        ("Prevalence", f"{percent(point.prevalence)} ({where})"),
        (f"If a {level} is flagged", f"it has a bleed with {percent(point.ppv)} (PPV)"),
        (f"If a {level} is not flagged", f"it has none with {percent(point.npv)} (NPV)"),
        (f"Of 100 {noun(100, level)}", f"{number(point.flagged_per_100, 0)} are flagged"),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    hint = ""
    if point.prevalence_from != "given":
        hint = paragraph(
            "PPV and NPV depend on how common bleeds are where the networks are used. Set "
            "resources.evaluation.prevalence to your own prevalence.",
            "dim small",
        )
    return section(
        "threshold",
        "At the threshold",
        f"<dl>{listed}</dl>",
        hint,
        _elsewhere(evaluation, point),
        picture(pictures, "confusion", "Flagged against bleeding; most probable subtype"),
    )


def _elsewhere(evaluation: Evaluation, point: OperatingPoint) -> str:
    """Return what a probability of these cases means at the prevalence that was given."""
    bleeds = evaluation.main_result.classes[ANY]
    if point.prevalence_from != "given" or point.prevalence is None:
        return ""
    if not 0 < bleeds.positives < bleeds.cases:
        return ""
    here = bleeds.positives / bleeds.cases
    there = shift_prevalence(np.array(_SHOWN), here, point.prevalence)
    words = (
        f"Of these cases {percent(here)} have a bleed. If the probabilities are right here, they "
        f"mean less or more where {percent(point.prevalence)} have one:"
    )
    rows = [
        ("P(any) here", *(number(p, 2) for p in _SHOWN)),
        ("there", *(number(p, 2) for p in there.tolist())),
    ]
    return paragraph(words) + table(rows[0], rows[1:])
