"""``output/worklist.html``: what the tables say, on one page."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ich_assets.rows import unscored_group
from ich_resources.errors import StorageError
from ich_resources.pages.worklist_page import MOST_PICTURES, worklist_page
from ich_resources.series import UnassignedFile
from ich_resources.storage.files import read_checked, write_bytes
from ich_resources.storage.flagging import Flagging
from ich_resources.storage.layout import Layout
from ich_resources.storage.report import STATES
from ich_resources.storage.table_rows import TableRow
from ich_resources.subjects import series_subject
from ich_resources.worth import BANNERS, ORDER

_COUNTS = ("found", "scored", "refused", "failed", "waiting")


class Written(NamedTuple):
    """What the tables of a run root say.

    Attributes
    ----------
    rows : sequence of TableRow
        One per series.
    unassigned : sequence of UnassignedFile
        DICOM files in no series.
    about : sequence of (str, mapping)
        Title and values of each block at the end of the page: weights, options, versions.
    flagging : Flagging or None
        The threshold on P(any), where one is set.
    when : str
        When the tables were written; empty in a batch, whose pages hold no time.
    """

    rows: Sequence[TableRow]
    unassigned: Sequence[UnassignedFile]
    about: Sequence[tuple[str, Mapping[str, Any]]]
    flagging: Flagging | None
    when: str = ""


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
    flagging = written.flagging
    rows = [
        row.page | {"x": flagging is not None and not flagging.fits(row.networks)}
        for row in written.rows
    ]
    scored = [row for row in written.rows if row.p_any is not None]
    few = len(scored) <= MOST_PICTURES
    pictures = _pictures(scored, layout) if few else {}
    said = {
        "summary": _summary(written.rows, len(scored)),
        "written": written.when,
        "banners": _banners(scored),
        "remark": ""
        if few
        else f"No pictures: more than {MOST_PICTURES} series. Open their pages.",
        "unscoredWords": "Files without a probability, grouped by series and reason. "
        "slices_not_scored.csv names each file.",
        "threshold": None if flagging is None else flagging.threshold,
        "rule": "" if flagging is None or flagging.chosen is None else flagging.chosen.rule,
        "about": written.about,
    }
    page = worklist_page(rows, _unscored(written), pictures, said)
    write_bytes(layout.worklist, page)
    return layout.worklist


def _pictures(scored: Sequence[TableRow], layout: Layout) -> dict[str, Any]:
    """Return the pictures of each series; a damaged file gives none, since numbers matter more."""
    found = {}
    for row in scored:
        if not row.page["page"] or row.earlier:
            continue
        path = layout.preview(series_subject(row.series))
        try:
            found[row.series] = json.loads(read_checked(path, row.preview, remedy=""))
        except (StorageError, ValueError):
            continue
    return found


def _unscored(written: Written) -> list[dict[str, Any]]:
    """Return the files without a probability, grouped by series, state and code."""
    groups = [group for row in written.rows for group in row.unscored]
    files: dict[tuple[str, str], dict[str, Any]] = {}
    for file in written.unassigned:
        state, code = file.judgement.state, str(file.judgement.code)
        new = unscored_group(state, code, file.judgement.reason, file.path)
        files.setdefault((state, code), new)["n"] += 1
    rank = ("failed", "waiting", "refused")
    return sorted([*groups, *files.values()], key=lambda group: rank.index(group["state"]))


def _banners(scored: Sequence[TableRow]) -> list[str]:
    """Return a line for each kind of networks whose numbers are worth little."""
    worths = [row.worth for row in scored]
    counts = {worth: worths.count(worth) for worth in ORDER}
    return [
        BANNERS[worth] + ("" if count == len(scored) else f" ({count} of {len(scored)} series)")
        for worth, count in counts.items()
        if count and BANNERS[worth]
    ]


def _summary(rows: Sequence[TableRow], scored: int) -> str:
    slices = {name: sum(row.counts[i] for row in rows) for i, name in enumerate(_COUNTS)}
    states = [row.state for row in rows]
    named = ", ".join(f"{states.count(s)} {s}" for s in STATES if s in states)
    earlier = sum(bool(row.earlier) for row in rows)
    some = f", {earlier} of them of an earlier version" if earlier else ""
    return (
        f"{len(rows)} series of {len({row.study for row in rows})} studies were found: "
        f"{named or 'none'}. Of {slices['found']} slices {slices['scored']} were scored, "
        f"{slices['refused']} refused, {slices['failed']} failed, {slices['waiting']} wait. "
        f"{scored} series have probabilities{some}."
    )


def about(report: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return what the page says of weights, options and versions, from ``run_report.json``."""
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
