"""``index.html``: one file without any request, that a clinician reads from top to bottom."""

from collections.abc import Sequence

from ich_resources.evaluation import page_lists as lists
from ich_resources.evaluation import page_numbers as numbers
from ich_resources.evaluation.judging import LevelResult
from ich_resources.evaluation.operating_point import OperatingPoint
from ich_resources.evaluation.outcome import Evaluation
from ich_resources.evaluation.page_parts import (
    STYLE,
    Pictures,
    bounds,
    card,
    number,
    paragraph,
    percent,
    picture,
    section,
    table,
    text,
)
from ich_resources.evaluation.page_threshold import at_the_threshold
from ich_resources.evaluation.report import DISCLAIMER, counted, first_line, judged, noun
from ich_resources.hemorrhage import ANY

_SAFE = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""The browser itself refuses every request."""


def evaluation_page(evaluation: Evaluation, pictures: Pictures, facts: Sequence[str] = ()) -> str:
    """Return the page.

    Parameters
    ----------
    evaluation : Evaluation
        All of it.
    pictures : Pictures
        To be embedded.
    facts : sequence of str
        Further lines on what was judged, as ``name: text``; foreign text.
    """
    warning = evaluation.weights.warning
    parts = [
        f"<div class=use>{DISCLAIMER}</div>",
        f"<div class=warning role=alert>{text(warning)}</div>" if warning else "",
        "<main>",
        "<h1>How well the networks find bleeds</h1>",
        _lead(evaluation),
        _cards(evaluation),
        _contents(evaluation),
        _what_was_judged(evaluation, facts),
        _how_good(evaluation, pictures),
        at_the_threshold(evaluation, pictures),
        lists.missed(evaluation, pictures),
        lists.false_alarms(evaluation),
        numbers.subtypes(evaluation),
        numbers.calibration(evaluation, pictures),
        numbers.subgroups(evaluation),
        numbers.comparison(evaluation),
        lists.not_counted(evaluation),
        lists.how_to_read(evaluation),
        "</main>",
    ]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_SAFE}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="description" content="{text(first_line(evaluation))}">'
        f'<link rel="icon" href="data:,"><title>Evaluation: {text(judged(evaluation))}</title>'
        f"<style>{STYLE}</style></head>"
    )
    return f"<!-- {_comment(evaluation)} -->\n{head}<body>{''.join(parts)}</body></html>\n"


def _comment(evaluation: Evaluation) -> str:
    return text(first_line(evaluation)).replace("--", "- -")


def _lead(evaluation: Evaluation) -> str:
    found = evaluation.main_result
    bleeds = found.classes[ANY]
    words = (
        f"{counted(found.cases, found.level)} of {counted(found.patients, 'patient')} "
        f"were compared with their labels. {bleeds.positives} of {bleeds.cases} have a labelled "
        "bleed."
    )
    left_out = found.asked - found.cases
    if left_out > 0:
        words += (
            f' <a href="#not-counted">{left_out} labelled {noun(left_out, found.level)} could not '
            "be judged</a>."
        )
    return paragraph(words, "lead")


def _cards(evaluation: Evaluation) -> str:
    bleeds, point = evaluation.main_result.classes[ANY], evaluation.point
    interval = bleeds.interval
    below = bleeds.remark or (
        f"95\u202f% interval {bounds(interval)}, {interval.how}" if interval else ""
    )
    cards = [card("AUC, any bleed", number(bleeds.auc), below)]
    if point is not None:
        cards += [
            card("Sensitivity", percent(point.sensitivity.value), _interval(point, "sensitivity")),
            card("Specificity", percent(point.specificity.value), _interval(point, "specificity")),
        ]
        missed = len(evaluation.with_verdict("missed"))
        alarms = len(evaluation.with_verdict("false alarm"))
        at = f"of all cases; threshold {number(point.threshold)}"
        cards.append(card("Missed bleeds", str(missed), at, "#missed"))
        cards.append(
            card("False alarms", str(alarms), "of all cases; at or above it", "#false-alarms")
        )
    return f"<div class=cards>{''.join(cards)}</div>"


def _interval(point: OperatingPoint, name: str) -> str:
    found = point.sensitivity if name == "sensitivity" else point.specificity
    if found.low is None or found.high is None:
        return "no such case"
    low, high = f"{100 * found.low:.0f}", f"{100 * found.high:.0f}"
    return f"{found.hits} of {found.of}; interval {low}–{high}\u202f%"


def _contents(evaluation: Evaluation) -> str:
    names = {
        "judged": "What was judged",
        "good": "How good",
        "threshold": "At the threshold",
        "missed": "Missed bleeds",
        "calibration": "Calibration",
        "subgroups": "Subgroups" if evaluation.subgroups else "",
        "comparison": "Comparison" if evaluation.comparison else "",
        "not-counted": "Not counted",
        "read": "How to read this",
    }
    links = [f'<a href="#{anchor}">{name}</a>' for anchor, name in names.items() if name]
    return f"<nav>{' '.join(links)}</nav>"


def _what_was_judged(evaluation: Evaluation, facts: Sequence[str]) -> str:
    patients = (
        "as the file of labels names them"
        if evaluation.patients_from == "labels"
        else "each study counts as one patient; the labels name none"
    )
    rows = [
        ("Judged", judged(evaluation)),
        ("Weights", evaluation.weights.text),
        ("Patients", patients),
        *((name, rest.strip()) for name, _, rest in (fact.partition(":") for fact in facts)),
    ]
    listed = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in rows)
    notes = "".join(f"<li>{text(note)}</li>" for note in evaluation.notes)
    return section(
        "judged", "What was judged", f"<dl>{listed}</dl>", f"<ul>{notes}</ul>" if notes else ""
    )


def _how_good(evaluation: Evaluation, pictures: Pictures) -> str:
    found = evaluation.main_result
    bleeds = found.classes[ANY]
    words = (
        f"Of a {found.level} with a bleed and one without, the networks give the bleeding one the "
        f"higher probability in {percent(bleeds.auc)} of all pairs (AUC; 50\u202f% is chance)."
        if bleeds.auc is not None
        else "There are too few cases of both kinds for an AUC."
    )
    tables = "".join(_class_table(result, evaluation) for result in reversed(evaluation.levels))
    return section(
        "good",
        "How good, and how sure",
        paragraph(words),
        picture(pictures, "roc", "ROC curves of the six classes"),
        tables,
    )


def _class_table(result: LevelResult, evaluation: Evaluation) -> str:
    rows = [
        (
            f"<b>{found.name}</b>" if found.name == "any" else found.name,
            f"{found.positives} of {found.cases}",
            number(found.auc),
            bounds(found.interval),
            number(found.log_loss),
            number(found.brier),
            f'<span class="dim small">{text(found.remark)}</span>',
        )
        for found in result.classes
    ]
    headers = ("class", "with bleed", "AUC", "95\u202f% interval", "log loss", "Brier", "")
    hows = sorted({f.interval.how for f in result.classes if f.interval is not None})
    loss = f"Weighted log loss <b>{number(result.weighted_log_loss)}</b>"
    if result.loss_interval is not None:
        loss += f" ({bounds(result.loss_interval)})"
    loss += (
        f"; constant probabilities would give {number(result.prior_loss)}. A lower loss is better."
    )
    if not _beats_prior(result):
        loss += " <b>The networks are not better than constant probabilities here.</b>"
    title = f"By {result.level}: {counted(result.cases, result.level)}"
    if result.cases < result.asked:
        title += f" of {result.asked} labelled"
    method = f" Intervals: {', '.join(hows)}." if hows else ""
    return (
        f"<h3>{title}, {counted(result.patients, 'patient')}</h3>"
        + table(headers, rows, words=(0, 6))
        + paragraph(loss + method, "small")
    )


def _beats_prior(result: LevelResult) -> bool:
    loss, prior = result.weighted_log_loss, result.prior_loss
    return loss is None or prior is None or loss < prior
