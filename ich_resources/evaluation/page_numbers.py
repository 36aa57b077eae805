"""Sections of the page with numbers: subtypes, calibration, subgroups, comparison."""

from ich_resources.evaluation.judging import LevelResult
from ich_resources.evaluation.outcome import Evaluation
from ich_resources.evaluation.page_parts import (
    NONE,
    Pictures,
    bounds,
    number,
    paragraph,
    picture,
    section,
    share,
    table,
    text,
)
from ich_resources.evaluation.report import counted
from ich_resources.evaluation.subtypes import SUBTYPES
from ich_resources.hemorrhage import ANY


def subtypes(evaluation: Evaluation) -> str:
    """Return which subtypes come together."""
    found = evaluation.subtypes
    if found.hits.of == 0:
        return ""
    rows = [
        (f"<b>{name}</b>", *(str(count) if count else NONE for count in row))
        for name, row in zip(SUBTYPES, found.together, strict=True)
    ]
    return section(
        "subtypes",
        "Subtypes",
        paragraph(
            f"The most probable subtype is a labelled one in {share(found.hits)} with a labelled "
            "subtype."
        ),
        "<h3>Labels that come together</h3>",
        table(("", *SUBTYPES), rows),
    )


def calibration(evaluation: Evaluation, pictures: Pictures) -> str:
    """Return how well the probabilities fit the frequencies."""
    found = evaluation.main_result
    rows = [
        (c.name, number(c.ece), number(c.slope, 2), number(c.intercept, 2)) for c in found.classes
    ]
    headers = ("class", "mean distance (ECE)", "slope", "intercept")
    return section(
        "calibration",
        "Are the probabilities right?",
        paragraph(
            "Each point stands for a tenth of the cases. On the diagonal a probability of 0.3 "
            "means that 30 of 100 have the bleed. Above it the networks say too little, below it "
            "too much."
        ),
        picture(pictures, "reliability", "Share of positives against probability, by class"),
        table(headers, rows),
        _fitted(evaluation),
    )


def _fitted(evaluation: Evaluation) -> str:
    fitted = evaluation.fitted
    if fitted is None:
        return ""

    def row(name: str, result: LevelResult) -> tuple[str, ...]:
        bleeds = result.classes[ANY]
        return (
            name,
            number(result.weighted_log_loss),
            bounds(result.loss_interval),
            number(bleeds.ece),
            number(bleeds.slope, 2),
        )

    numbers = ", ".join(
        f"{name} {shape['temperature']:.2f}"
        for name, shape in fitted.classes.items()
        if "temperature" in shape
    )
    how = text(str(fitted.fitted_on.get("how", "")))
    return (
        "<h3>A new calibration</h3>"
        + paragraph(
            f"{fitted.kind.capitalize()}, by {fitted.level}, fitted on {how}"
            f"{f': {numbers}' if numbers else ''}. The table is of the other half: "
            f"{counted(fitted.after.cases, fitted.level)} of "
            f"{counted(fitted.after.patients, 'patient')}. It is in calibration.json and is "
            "applied only when networks.calibration names that file."
        )
        + table(
            ("", "weighted log loss", "95\u202f% interval", "ECE any", "slope any"),
            [row("as they are", fitted.before), row("calibrated", fitted.after)],
        )
    )


def subgroups(evaluation: Evaluation) -> str:
    """Return the class any in parts of the cases."""
    if not evaluation.subgroups:
        return ""
    rows = [
        (
            text(found.column),
            text(found.value),
            str(found.cases),
            str(found.positives),
            number(found.auc),
            bounds(found.interval),
            f'<span class="dim small">{text(found.remark)}</span>',
        )
        for found in evaluation.subgroups
    ]
    headers = ("by", "value", "cases", "bleeds", "AUC any", "95\u202f% interval", "")
    return section(
        "subgroups",
        "Subgroups",
        paragraph(
            "A difference between small groups is often chance: compare the intervals, not the "
            "numbers."
        ),
        table(headers, rows, words=(0, 1, 6)),
    )


def comparison(evaluation: Evaluation) -> str:
    """Return the comparison with other probabilities of the same cases."""
    found = evaluation.comparison
    if found is None:
        return ""
    rows = [
        (
            item.what,
            number(item.this),
            number(item.other),
            NONE if item.difference is None else f"{item.difference:+.4f}",
            NONE
            if item.interval is None
            else f"{item.interval.low:+.4f} … {item.interval.high:+.4f}",
            _decided(item.interval.low, item.interval.high) if item.interval else "",
        )
        for item in found.differences
    ]
    this, other = map(text, found.names)
    headers = ("", this, other, "difference", "95\u202f% interval", "")
    return section(
        "comparison",
        f"Compared: {this} and {other}",
        paragraph(
            f"{counted(found.cases, found.level)} of {counted(found.patients, 'patient')} that "
            f"both have; {found.only_this} only of {this} and {found.only_other} only of {other} "
            "are left out. The difference is the first minus the second; a lower loss and a higher "
            "AUC are better. A paired bootstrap over patients gives the intervals."
        ),
        table(headers, rows, words=(0, 5)),
    )


def _decided(low: float, high: float) -> str:
    return "differs" if low > 0 or high < 0 else '<span class="dim">may be chance</span>'
