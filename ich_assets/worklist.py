"""``output/worklist.html``: what the tables say, on one page."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ich_resources.errors import StorageError
from ich_resources.findings import FloatArray
from ich_resources.pages.worklist_page import MOST_PICTURES, probabilities_of, worklist_page
from ich_resources.plain_text import one_line
from ich_resources.series import Ledger
from ich_resources.steps import SALIENCY
from ich_resources.storage.files import read_checked, write_bytes
from ich_resources.storage.flagging import Flagging
from ich_resources.storage.layout import Layout
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.saliency_schema import Pages, SaliencyContent
from ich_resources.storage.shown import shown_content
from ich_resources.subjects import series_subject
from ich_resources.worth import BANNERS, ORDER


class Written(NamedTuple):
    """What the tables of a run root say.

    Attributes
    ----------
    ledger : Ledger
        Files in no series.
    outcomes : sequence of SeriesOutcome
        One per series.
    shown : mapping of str to float32 array, shape (N, 6), or None
        Probabilities by SeriesInstanceUID.
    report : mapping
        ``run_report.json``.
    flagging : Flagging or None
        The threshold on P(any), where one is set.
    """

    ledger: Ledger
    outcomes: Sequence[SeriesOutcome]
    shown: Mapping[str, FloatArray | None]
    report: Mapping[str, Any]
    flagging: Flagging | None


def write_worklist(written: Written, layout: Layout) -> Path:
    """Write the page; return its path.

    Parameters
    ----------
    written : Written
        What the tables say.
    layout : Layout
        Paths below the run root.

    Raises
    ------
    StorageError
        If it cannot be written. The page before is unchanged then.
    """
    rows = [_row(outcome, written) for outcome in written.outcomes]
    scored = [
        o for o in written.outcomes if written.shown[o.series.series_instance_uid] is not None
    ]
    few = len(scored) <= MOST_PICTURES
    pictures = _pictures(scored, layout) if few else {}
    flagging = written.flagging
    said = {
        "summary": _summary(written, len(scored)),
        "banners": _banners(scored),
        "remark": ""
        if few
        else f"No pictures: more than {MOST_PICTURES} series. Open their pages.",
        "unscoredWords": "Files without a probability, grouped by series and reason. "
        "slices_not_scored.csv names each file.",
        "threshold": None if flagging is None else flagging.threshold,
        "rule": "" if flagging is None or flagging.chosen is None else flagging.chosen.rule,
        "about": _about(written.report),
    }
    page = worklist_page(rows, _unscored(written), pictures, said)
    write_bytes(layout.worklist, page)
    return layout.worklist


def _row(outcome: SeriesOutcome, written: Written) -> dict[str, Any]:
    series = outcome.series
    row: dict[str, Any] = {
        "u": series.series_instance_uid,
        "y": series.study_instance_uid,
        "d": one_line(series.description),
        "s": outcome.state,
        "m": series.primary,
        "n": list(outcome.counts.values()),
        "r": [one_line(remark) for remark in outcome.remarks],
        "w": outcome.reasons,
        "t": round(sum(record.content.seconds for record in outcome.records.values()), 1),
        "x": written.flagging is not None and not written.flagging.fits(outcome),
    }
    values = written.shown[series.series_instance_uid]
    if values is None:
        return row
    content, pages = shown_content(outcome.records), _pages(outcome)
    found = None if pages is None else pages.checkpoints
    return row | {
        "q": content is not None and content.calibration is not None,
        "g": None if found is None else {name: _rounded(folds) for name, folds in found.items()},
        "page": pages is not None,
        **probabilities_of(values),
    }


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in values]


def _pages(outcome: SeriesOutcome) -> Pages | None:
    """Return what the pages show of a series, None where an earlier version made its panels."""
    record = outcome.records.get(SALIENCY)
    content = None if record is None else record.content
    return content.pages if isinstance(content, SaliencyContent) else None


def _pictures(scored: Sequence[SeriesOutcome], layout: Layout) -> dict[str, Any]:
    """Return the pictures of each series; a damaged file gives none, since numbers matter more."""
    found = {}
    for outcome in scored:
        uid = outcome.series.series_instance_uid
        path = layout.preview(series_subject(uid))
        if _pages(outcome) is None:
            continue
        sha256 = outcome.records[SALIENCY].sha256(layout.relative(path))
        try:
            found[uid] = json.loads(read_checked(path, sha256, remedy=""))
        except (StorageError, ValueError):
            continue
    return found


def _unscored(written: Written) -> list[dict[str, Any]]:
    """Return the files without a probability, grouped by series, state and code."""
    files: list[tuple[str, str, str, str, str]] = [
        (o.series.series_instance_uid, item.state, str(item.code), item.reason, item.path)
        for o in written.outcomes
        for item in o.not_scored
    ]
    files += [
        ("", file.judgement.state, str(file.judgement.code), file.judgement.reason, file.path)
        for file in written.ledger.unassigned
    ]
    files += [
        (o.series.series_instance_uid, "waiting", "", o.failure or "no run has looked at it", "")
        for o in written.outcomes
        for _ in range(o.waiting)
    ]
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    for series, state, code, reason, path in files:
        group = groups.setdefault(
            (series, state, code),
            {
                "n": 0,
                "state": state,
                "code": code,
                "reason": one_line(reason),
                "path": one_line(path),
                "series": series,
            },
        )
        group["n"] += 1
    rank = ("failed", "waiting", "refused")
    return sorted(groups.values(), key=lambda group: rank.index(group["state"]))


def _banners(scored: Sequence[SeriesOutcome]) -> list[str]:
    """Return a line for each kind of networks whose numbers are worth little."""
    worths = [
        min((record.content.worth for record in outcome.records.values()), key=ORDER.index)
        for outcome in scored
    ]
    counts = {worth: worths.count(worth) for worth in ORDER}
    return [
        BANNERS[worth] + ("" if count == len(scored) else f" ({count} of {len(scored)} series)")
        for worth, count in counts.items()
        if count and BANNERS[worth]
    ]


def _summary(written: Written, scored: int) -> str:
    slices, series = written.report["slices"], len(written.outcomes)
    studies = len({outcome.series.study_instance_uid for outcome in written.outcomes})
    states = written.report["series_by_state"]
    named = ", ".join(f"{number} {state}" for state, number in states.items() if number)
    return (
        f"{series} series of {studies} studies were found: {named or 'none'}. Of {slices['found']} "
        f"slices {slices['scored']} were scored, {slices['refused']} refused, {slices['failed']} "
        f"failed, {slices['waiting']} wait. {scored} series have probabilities."
    )


def _about(report: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    weights = {
        f"{one['backbone']}/{one['file']}": f"SHA-256 {one['sha256'][:16]}"
        + (f", input {one['input_size']} pixels" if "input_size" in one else "")
        for one in report["checkpoints"]
    }
    return [
        ("Weights", weights),
        ("Options", report["options"]),
        ("Versions", report["versions"]),
        ("Code versions", report["code_versions"]),
    ]
