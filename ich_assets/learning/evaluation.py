"""evaluation: how good the probabilities of a run root are, by labels. It runs no network."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from ich_assets.learning.evaluation_files import headline, write_bound, write_files
from ich_assets.outputs import run_outputs
from ich_assets.runtime.retries import retrying_transient_errors
from ich_resources.digests import file_sha256, fingerprint
from ich_resources.evaluation.resource import EvaluationResource
from ich_resources.labels import Labels
from ich_resources.panels.resource import PanelsResource
from ich_resources.storage.files import locked
from ich_resources.storage.layout import Layout
from ich_resources.storage.scored_networks import scored_by
from ich_resources.storage.scored_tables import read_scores

if TYPE_CHECKING:
    from ich_resources.scores import Scores


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
            networks = scored_by(layout, scores.series) if chosen.binds else None
        other = chosen.other_run_root
        theirs = None if other is None else read_scores(Layout(other))
        found = chosen.evaluate(scores, labels, theirs)
        facts = _facts(chosen, labels, scores)
        with locked(layout.outputs_lock):
            written = write_bound(layout.evaluation, found, chosen, networks)
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


def _say(context: dg.AssetExecutionContext, numbers: dict[str, object], page: Path) -> None:
    lines = [f"  {name}: {_short(value)}" for name, value in numbers.items()]
    context.log.info("\n".join([f"Evaluation: {page}", *lines]))


def _short(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
