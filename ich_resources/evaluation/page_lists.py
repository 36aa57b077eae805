"""Sections of the page that list cases: missed, false alarms, and what was not counted."""

from collections import Counter
from collections.abc import Iterable
from urllib.parse import quote

from ich_resources.evaluation.listings import Listed
from ich_resources.evaluation.outcome import Evaluation
from ich_resources.evaluation.page_parts import (
    NONE,
    Pictures,
    data_url,
    number,
    paragraph,
    section,
    table,
    text,
)
from ich_resources.evaluation.unpaired import Unpaired

SHOWN = 50
"""Rows of a list on the page; the CSV files have all."""
TO_RUN_ROOT = "../../"
"""From the folder of the page to the run root."""


def missed(evaluation: Evaluation, pictures: Pictures) -> str:
    """Return the missed bleeds, the lowest probability first, with their panels."""
    cases = tuple(reversed(evaluation.with_verdict("missed")))
    if evaluation.point is None:
        return ""
    if not cases:
        return section("missed", "Missed bleeds", paragraph("No labelled bleed was missed."))
    shown = [case for case in cases if case.panel in pictures.panels]
    figures = "".join(
        f"<figure>{_link(case, _embedded(case, pictures))}<figcaption>"
        f"{text(case.labels)}: P(any) {number(case.probability)}<br>"
        f"<span class=id>{text(case.id)}</span></figcaption></figure>"
        for case in shown
    )
    return section(
        "missed",
        f"Missed bleeds: {len(cases)}",
        paragraph(
            "These have a labelled bleed and a probability below the threshold. Look at them "
            "first: is the label right, is the bleed visible, what did the networks look at?"
        ),
        f"<div class=panels>{figures}</div>" if figures else "",
        _case_table(evaluation, cases),
        _rest(len(cases), "missed.csv"),
    )


def false_alarms(evaluation: Evaluation) -> str:
    """Return the false alarms, the highest probability first."""
    cases = evaluation.with_verdict("false alarm")
    if evaluation.point is None:
        return ""
    if not cases:
        return section("false-alarms", "False alarms", paragraph("There is no false alarm."))
    return section(
        "false-alarms",
        f"False alarms: {len(cases)}",
        paragraph("These are labelled as free of a bleed and stand at or above the threshold."),
        _case_table(evaluation, cases),
        _rest(len(cases), "false_alarms.csv"),
    )


def _case_table(evaluation: Evaluation, cases: Iterable[Listed]) -> str:
    rows = [
        (
            f"<span class=id>{text(case.id)}</span>",
            text(case.labels),
            number(case.probability),
            f"{case.first_subtype} {number(case.first_probability, 2)}",
            _link(case, "panel") if case.panel else f"<span class=id>{text(case.slice_id)}</span>",
        )
        for case in list(cases)[:SHOWN]
    ]
    headers = (evaluation.main, "labelled", "P(any)", "most probable subtype", "look at")
    return table(headers, rows, words=(0, 1, 3, 4))


def _link(case: Listed, inner: str) -> str:
    return f'<a href="{TO_RUN_ROOT}{quote(case.panel)}">{inner}</a>'


def _embedded(case: Listed, pictures: Pictures) -> str:
    source = data_url(pictures.panels[case.panel], "jpeg")
    return f'<img src="{source}" alt="Panel of a missed bleed">'


def _rest(count: int, file: str) -> str:
    if count <= SHOWN:
        return ""
    return paragraph(f"{SHOWN} of {count} are shown; {file} has all.", "dim small")


def not_counted(evaluation: Evaluation) -> str:
    """Return what was not counted, and why."""
    if not evaluation.unpaired:
        return section(
            "not-counted",
            "Not counted",
            paragraph("Every label met a probability, and every probability a label."),
        )
    parts = []
    for what, title in (
        ("label", "Labels without a probability"),
        ("prediction", "Probabilities without a label"),
    ):
        items = [item for item in evaluation.unpaired if item.what == what]
        if items:
            parts.append(f"<h3>{title}: {len(items)}</h3>{_reasons(items)}{_listed(items)}")
    words = "These do not count in any number above. not_counted.csv lists them all."
    return section("not-counted", "What was not counted, and why", paragraph(words), *parts)


def _reasons(items: list[Unpaired]) -> str:
    counts = Counter((item.code, item.any_label) for item in items)
    codes = sorted({code for code, _ in counts})
    rows = []
    for code in codes:
        example = next(item.reason for item in items if item.code == code)
        total = sum(number for (name, _), number in counts.items() if name == code)
        rows.append((text(code), str(total), str(counts[code, "1"]), text(example)))
    return table(("code", "number", "labelled as bleed", "why (first)"), rows, words=(0, 3))


def _listed(items: list[Unpaired]) -> str:
    rows = [
        (f"<span class=id>{text(item.id)}</span>", text(item.code), item.any_label or NONE)
        for item in items[:SHOWN]
    ]
    inner = table((items[0].level, "code", "label of any"), rows, words=(0, 1))
    return f"<details><summary>Show them</summary>{inner}</details>"


def how_to_read(evaluation: Evaluation) -> str:
    """Return what the words mean, and what the numbers do not say."""
    several = any(result.patients < result.cases for result in evaluation.levels)
    words = [
        "<b>Interval:</b> the range of true values that fits these cases. It becomes narrower "
        "with more patients.",
        "<b>AUC:</b> how often a bleeding case gets the higher probability of a pair; 1 is "
        "perfect, 0.5 is chance.",
        "<b>Log loss, Brier:</b> how far the probabilities are from the labels; 0 is perfect. The "
        "weighted log loss counts any twice.",
        f"<b>{NONE}</b> stands where a number cannot be given, for example an AUC with fewer than "
        "two bleeds. It is never filled in.",
        "The labels are taken as true. A study of one hospital says little about another.",
    ]
    if several:
        words.append(
            "Patients have several cases here. The bootstrap draws whole patients; the intervals "
            "of sensitivity and specificity take cases as independent and are somewhat too narrow."
        )
    items = "".join(f"<li>{item}</li>" for item in words)
    return section("read", "How to read this", f"<ul>{items}</ul>")
