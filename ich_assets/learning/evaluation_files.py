"""Pictures, page and tables of an evaluation, below a run root or a training root."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ich_resources.errors import IchError, StorageError
from ich_resources.evaluation.resource import EvaluationResource
from ich_resources.judged_files import write_judged
from ich_resources.panels.resource import PanelsResource
from ich_resources.storage.evaluation_tables import (
    begin_evaluation,
    small_panel,
    write_evaluation,
)
from ich_resources.storage.files import remove
from ich_resources.storage.shown import ScoredBy
from ich_resources.whole_files import remedy_for

if TYPE_CHECKING:
    from ich_resources.evaluation.outcome import Evaluation

CALIBRATION, THRESHOLD = "calibration.json", "threshold.json"
MOST_PANELS = 6
"""Panels of missed bleeds that the page itself shows; the others are links."""


def write_bound(
    folder: Path, found: "Evaluation", chosen: EvaluationResource, networks: ScoredBy | None
) -> dict[str, Path]:
    """Write calibration and threshold where they are asked for, in place of earlier ones.

    The earlier page is withdrawn first. A file that is not asked for stays: a batch may use it.

    Parameters
    ----------
    folder : Path
        ``output/evaluation`` below the root that was judged.
    found : Evaluation
        From ``EvaluationResource.evaluate``.
    chosen : EvaluationResource
        What is asked for.
    networks : ScoredBy or None
        What gave the probabilities; None where nothing is asked for.

    Returns
    -------
    dict of str to Path
        The files, by name for Dagster's metadata.

    Raises
    ------
    IchError
        If the probabilities are calibrated already, or a threshold is not set.
    StorageError
        If a file cannot be written.
    """
    from ich_resources.evaluation.bound import calibration_of, threshold_of

    if networks is None:
        return {}
    if chosen.fit != "off" and networks.calibration is not None:
        raise IchError(
            "these probabilities went through a calibration already",
            remedy="fit on a run root that was scored without networks.calibration",
        )
    calibration = calibration_of(found, networks.checkpoints, networks.sequence)
    threshold = None
    if chosen.write_threshold:
        threshold = threshold_of(
            found, networks.checkpoints, networks.calibration, networks.sequence
        )
    begin_evaluation(folder)
    wanted = (("calibration", CALIBRATION, calibration), ("threshold_file", THRESHOLD, threshold))
    written = {name: folder / file for name, file, judged in wanted if judged is not None}
    remove(written.values())
    for _, file, judged in wanted:
        if judged is not None:
            try:
                write_judged(folder / file, judged)
            except OSError as err:
                raise StorageError(
                    f"cannot write: {err.strerror}",
                    path=folder / file,
                    remedy=remedy_for(err, "RUN_ROOT"),
                ) from err
    return written


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
