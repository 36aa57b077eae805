"""oof_evaluation: how good the predictions out of fold are, by the labels of the data set."""

from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

from ich_assets.learning.data_set import data_set
from ich_assets.learning.evaluation_files import headline, write_bound, write_files
from ich_assets.learning.oof_networks import oof_networks
from ich_assets.learning.oof_scores import Source, oof_labels, oof_scores
from ich_assets.learning.oof_table import oof_table
from ich_assets.learning.progress import naming_train_root
from ich_assets.learning.sequence_oof import sequence_oof
from ich_assets.runtime.retries import retrying_transient_errors
from ich_resources.digests import file_sha256, fingerprint
from ich_resources.errors import IchError
from ich_resources.evaluation.resource import EvaluationResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.storage.resource import TrainRootResource
from ich_resources.storage.shown import ScoredBy
from ich_resources.subjects import training_subject

if TYPE_CHECKING:
    from ich_resources.evaluation.outcome import Evaluation

NAMES = ("the sequence models", "the 2D networks")


class OofEvaluationConfig(dg.Config):
    """Which predictions out of fold are judged."""

    source: Literal["2d", "sequence", "both"] = Field(
        default="2d",
        description="2d: the mean over the 2D networks. sequence: the sequence models. both: the "
        "sequence models, and their comparison with the 2D networks.",
    )


@dg.asset(
    group_name="training",
    deps=[
        oof_table,
        dg.AssetDep(sequence_oof, partition_mapping=dg.AllPartitionMapping()),
    ],
    kinds={"html", "csv"},
    required_resource_keys={"train_root", "evaluation", "panels"},
)
def oof_evaluation(
    context: dg.AssetExecutionContext, config: OofEvaluationConfig
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Judge the predictions out of fold by the labels of the data set: tables, pictures, one page.

    Each slice was predicted by networks that have not seen its patient. The files lie below
    TRAIN_ROOT.
    """
    train_root: TrainRootResource = context.resources.train_root
    chosen: EvaluationResource = context.resources.evaluation
    panels: PanelsResource = context.resources.panels
    layout, records = train_root.layout, train_root.records
    with retrying_transient_errors(context), naming_train_root():
        found, networks = _judged(train_root, chosen, config.source)
        facts = (
            "Labels: those of the data set",
            "Networks: each slice was predicted by the one fold of each backbone that has not seen "
            "its patient; a batch shows the mean of all folds",
            f"Seed: {chosen.seed}; bootstrap of {chosen.bootstrap} samples",
        )
        with records.holding(training_subject()):
            written = write_bound(layout.evaluation, found, chosen, networks)
            write_files(layout.evaluation, found, (chosen, panels), facts)
    page = layout.evaluation / "index.html"
    return dg.MaterializeResult(
        data_version=dg.DataVersion(fingerprint({"report": file_sha256(page)})),
        metadata={
            "page": dg.MetadataValue.path(str(page)),
            **{name: dg.MetadataValue.path(str(path)) for name, path in written.items()},
            **headline(found),
        },
    )


def _judged(
    train_root: TrainRootResource,
    chosen: EvaluationResource,
    source: Literal["2d", "sequence", "both"],
) -> tuple["Evaluation", ScoredBy | None]:
    """Judge predictions out of fold; return also the checkpoints to bind files to, if any are.

    Raises
    ------
    IchError
        If such predictions are missing, or a run root is to be compared.
    """
    if chosen.compare_with:
        raise IchError(
            "compare_with is for the evaluation of a run root",
            remedy="leave it empty; ops.oof_evaluation.config.source: both compares sequence "
            "models with 2D networks",
        )
    judged: Source = "2d" if source == "2d" else "sequence"
    with train_root.records.holding(training_subject()):
        scores = oof_scores(train_root, judged)
        other = oof_scores(train_root, "2d") if source == "both" else None
        networks = oof_networks(train_root, judged) if chosen.binds else None
        labels = oof_labels(data_set(train_root.layout).slices)
    return chosen.evaluate(scores, labels, other, NAMES), networks
