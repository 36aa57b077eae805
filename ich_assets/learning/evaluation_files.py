"""Pictures, page and tables of an evaluation, below a run root or a training root."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ich_resources.evaluation.resource import EvaluationResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.storage.evaluation_tables import small_panel, write_evaluation

if TYPE_CHECKING:
    from ich_resources.evaluation.outcome import Evaluation

MOST_PANELS = 6
"""Panels of missed bleeds that the page itself shows; the others are links."""


def write_files(
    folder: Path,
    found: "Evaluation",
    resources: tuple[EvaluationResource, PanelsResource],
    facts: Sequence[str],
    run_root: Path | None = None,
) -> None:
    """Write every file of an evaluation.

    Parameters
    ----------
    folder : Path
        ``output/evaluation`` below the root that was judged.
    found : Evaluation
        From ``EvaluationResource.evaluate``.
    resources : (EvaluationResource, PanelsResource)
        What makes the page, and what draws.
    facts : sequence of str
        Further lines on what was judged, as ``name: text``.
    run_root : Path, optional
        Where the panels of the missed bleeds are; None without panels.

    Raises
    ------
    StorageError
        If a file cannot be written.
    """
    from ich_resources.evaluation.page_parts import Pictures
    from ich_resources.evaluation.report import first_line, plain_report

    evaluation, panels = resources
    light, dark = (_drawn(found, panels, dark=dark) for dark in (False, True))
    pictures = Pictures(light, dark, {} if run_root is None else _panels(found, run_root))
    files = {f"{name}.png": content for name, content in light.items()}
    files["index.html"] = evaluation.page(found, pictures, facts)
    write_evaluation(
        folder, first_line(found), evaluation.tables(found), files, plain_report(found)
    )


def _drawn(found: "Evaluation", panels: PanelsResource, *, dark: bool) -> dict[str, bytes]:
    from ich_resources.evaluation.drawn import confusion, reliability, roc

    return {
        "roc": panels.roc(**roc(found), dark=dark),
        "reliability": panels.reliability(**reliability(found), dark=dark),
        "confusion": panels.confusion(**confusion(found), dark=dark),
    }


def _panels(found: "Evaluation", run_root: Path) -> dict[str, bytes]:
    missed = [case.panel for case in reversed(found.with_verdict("missed")) if case.panel]
    small = {panel: small_panel(run_root / panel) for panel in missed[:MOST_PANELS]}
    return {panel: content for panel, content in small.items() if content is not None}


def headline(found: "Evaluation") -> dict[str, Any]:
    """Return the numbers that a person reads first, for Dagster's metadata."""
    from ich_resources.evaluation.report import headline as numbers

    return numbers(found)
