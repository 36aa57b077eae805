"""evaluation: how good the probabilities of a run root are, by labels. It runs no network."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from ich_assets.learning.evaluation_files import headline, write_files
from ich_assets.outputs import run_outputs
from ich_assets.runtime.retries import retrying_transient_errors
from ich_resources.digests import file_sha256, fingerprint
from ich_resources.errors import IchError, StorageError
from ich_resources.evaluation.resource import EvaluationResource
from ich_resources.judged_files import write_judged
from ich_resources.labels import Labels
from ich_resources.panels.resource import PanelsResource
from ich_resources.storage.files import locked, remove
from ich_resources.storage.layout import Layout
from ich_resources.storage.scored_networks import scored_by
from ich_resources.storage.scored_tables import read_scores

if TYPE_CHECKING:
    from ich_resources.evaluation.outcome import Evaluation
    from ich_resources.scores import Scores

CALIBRATION, THRESHOLD = "calibration.json", "threshold.json"


@dg.asset(
    group_name="outputs",
    deps=[run_outputs],
    kinds={"html", "csv"},
    required_resource_keys={"storage", "evaluation", "panels"},
)
def evaluation(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Judge the probabilities of this run root by labels: tables, pictures and one page.

    It reads the tables of ``run_outputs`` and the file of labels. It needs no checkpoints and no
    GPU.
    """
    chosen: EvaluationResource = context.resources.evaluation
    panels: PanelsResource = context.resources.panels
    layout: Layout = context.resources.storage.layout
    with retrying_transient_errors(context):
        labels = _labels(chosen)
        with locked(layout.outputs_lock):
            scores = read_scores(layout)
        other = chosen.other_run_root
        theirs = None if other is None else read_scores(Layout(other))
        found = chosen.evaluate(scores, labels, theirs)
        written = _write_bound(layout, scores, found, chosen)
        facts = _facts(chosen, labels, scores)
        write_files(layout.evaluation, found, (chosen, panels), facts, layout.run_root)
    page = layout.evaluation / "index.html"
    numbers = headline(found)
    _say(context, numbers, page)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(fingerprint({"report": file_sha256(page)})),
        metadata={
            "page": dg.MetadataValue.path(str(page)),
            **{name: dg.MetadataValue.path(str(path)) for name, path in written.items()},
            **numbers,
        },
    )


def _labels(chosen: EvaluationResource) -> Labels:
    from ich_resources.dataset.labels import read_labels

    return read_labels(chosen.labels_file, chosen.studies_file)


def _facts(chosen: EvaluationResource, labels: Labels, scores: "Scores") -> Sequence[str]:
    digest = file_sha256(chosen.labels_file)[:12]
    return [
        f"Labels: {len(labels.ids)} by {labels.level}; form {labels.format}; SHA-256 {digest}...",
        f"Probabilities: {len(scores.slices)} slices of {len(set(scores.series))} series",
        f"Seed: {chosen.seed}; bootstrap of {chosen.bootstrap} samples",
    ]


def _write_bound(
    layout: Layout, scores: "Scores", found: "Evaluation", chosen: EvaluationResource
) -> dict[str, Path]:
    """Write calibration and threshold where they are asked for; remove those of an earlier time.

    Raises
    ------
    IchError
        If the probabilities are calibrated already, or come from several sets of checkpoints.
    StorageError
        If a file cannot be written.
    """
    from ich_resources.evaluation.bound import calibration_of, threshold_of

    paths = {name: layout.evaluation / name for name in (CALIBRATION, THRESHOLD)}
    wanted = {CALIBRATION: chosen.fit != "off", THRESHOLD: chosen.write_threshold}
    if not any(wanted.values()):
        return {}
    networks = scored_by(layout, scores.series)
    if wanted[CALIBRATION] and networks.calibration is not None:
        raise IchError(
            "these probabilities went through a calibration already",
            remedy="fit on a run root that was scored without networks.calibration",
        )
    remove([path for name, path in paths.items() if wanted[name]])
    calibration = calibration_of(found, networks.checkpoints, networks.sequence)
    written = {}
    try:
        if calibration is not None:
            write_judged(paths[CALIBRATION], calibration)
            written["calibration"] = paths[CALIBRATION]
        if wanted[THRESHOLD]:
            threshold = threshold_of(
                found, networks.checkpoints, networks.calibration, networks.sequence
            )
            write_judged(paths[THRESHOLD], threshold)
            written["threshold_file"] = paths[THRESHOLD]
    except OSError as err:
        raise StorageError(f"cannot write: {err.strerror}", path=layout.evaluation) from err
    return written


def _say(context: dg.AssetExecutionContext, numbers: dict[str, object], page: Path) -> None:
    lines = [f"  {name}: {_short(value)}" for name, value in numbers.items()]
    context.log.info("\n".join([f"Evaluation: {page}", *lines]))


def _short(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
