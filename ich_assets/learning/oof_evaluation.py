"""oof_evaluation: how good the predictions out of fold are, by the labels of the data set."""

from typing import TYPE_CHECKING

import dagster as dg
import numpy as np

from ich_assets.learning.data_set import data_set
from ich_assets.learning.evaluation_files import headline, write_files
from ich_assets.learning.oof import oof_table
from ich_assets.learning.progress import naming_train_root
from ich_assets.runtime.retries import retrying_transient_errors
from ich_resources.backbones.table import BACKBONES, FOLDS
from ich_resources.backbones.trained_file import read_trained
from ich_resources.digests import file_sha256, fingerprint
from ich_resources.errors import IchError
from ich_resources.evaluation.resource import EvaluationResource
from ich_resources.hemorrhage import CLASSES
from ich_resources.labels import LabelledSlices, Labels
from ich_resources.panels.resource import PanelsResource
from ich_resources.scores import Scores, Weights
from ich_resources.steps import OOF_TABLE
from ich_resources.storage.oof import LEAK_SENTENCE, FloatArray, read_order
from ich_resources.storage.resource import TrainRootResource
from ich_resources.storage.training_layout import TrainingLayout
from ich_resources.storage.training_table_schemas import OofTableContent
from ich_resources.subjects import training_subject
from ich_resources.uids import slice_stem
from ich_resources.worth import least

if TYPE_CHECKING:
    from ich_resources.evaluation.outcome import Evaluation

_REMEDY = "materialise oof_table (ich_train makes it)"


@dg.asset(
    group_name="training",
    deps=[oof_table],
    kinds={"html", "csv"},
    required_resource_keys={"train_root", "evaluation", "panels"},
)
def oof_evaluation(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Judge the predictions out of fold by the labels of the data set: tables, pictures, one page.

    Each slice was predicted by networks that have not seen its patient. The files lie below
    TRAIN_ROOT.
    """
    train_root: TrainRootResource = context.resources.train_root
    chosen: EvaluationResource = context.resources.evaluation
    panels: PanelsResource = context.resources.panels
    layout = train_root.layout
    with retrying_transient_errors(context), naming_train_root():
        found = _judged(train_root, chosen)
        facts = (
            "Labels: those of the data set",
            f"Seed: {chosen.seed}; bootstrap of {chosen.bootstrap} samples",
        )
        write_files(layout.evaluation, found, (chosen, panels), facts)
    page = layout.evaluation / "index.html"
    return dg.MaterializeResult(
        data_version=dg.DataVersion(fingerprint({"report": file_sha256(page)})),
        metadata={"page": dg.MetadataValue.path(str(page)), **headline(found)},
    )


def _judged(train_root: TrainRootResource, chosen: EvaluationResource) -> "Evaluation":
    """Judge the table of predictions out of fold.

    Raises
    ------
    IchError
        If there is no such table, or something is asked for that needs a run root.
    """
    layout = train_root.layout
    if chosen.fit != "off" or chosen.write_threshold or chosen.compare_with:
        raise IchError(
            "fit, write_threshold and compare_with are for the evaluation of a run root",
            remedy="score a labelled folder with the trained networks, and run ich_evaluate",
        )
    made = train_root.records.find_as(training_subject(), OOF_TABLE, OofTableContent)
    if made is None:
        raise IchError("there is no table of predictions out of fold", remedy=_REMEDY)
    slices = data_set(layout).slices
    scores = oof_scores(slices, _probabilities(layout, slices), weights_of(layout, made.content))
    return chosen.evaluate(scores, oof_labels(slices))


def oof_scores(slices: LabelledSlices, probabilities: FloatArray, weights: Weights) -> Scores:
    """Return predictions of the labelled slices as an evaluation takes them.

    Parameters
    ----------
    slices : LabelledSlices
        The data set.
    probabilities : float32 array, shape (n, 6)
        In the order of the slices: of 2D networks or of sequence models.
    weights : Weights
        The networks.
    """
    return Scores(
        tuple(slice_stem(uid) for uid in slices.slices),
        slices.series,
        slices.studies,
        probabilities.astype(np.float64),
        weights,
    )


def oof_labels(slices: LabelledSlices) -> Labels:
    """Return the labels of the data set, without slices that no one has read."""
    rows = np.flatnonzero(slices.labelled).tolist()
    ids = tuple(slices.slices[row] for row in rows)
    patients = {slices.slices[row]: slices.patients[row] for row in rows}
    return Labels("slice", ids, slices.labels[rows], patients)


def _probabilities(layout: TrainingLayout, slices: LabelledSlices) -> FloatArray:
    """Return the mean over networks out of fold, float32 of shape (n, 6).

    Raises
    ------
    IchError
        If they are of other slices.
    """
    table = read_order(layout.oof_order, _REMEDY)
    if tuple(table["slice"]) != slices.slices or not set(CLASSES) <= set(table.columns):
        raise IchError(
            "the predictions out of fold are of other slices than the data set",
            path=layout.oof_order,
            remedy=_REMEDY,
        )
    return table[list(CLASSES)].to_numpy().astype(np.float32)


def weights_of(layout: TrainingLayout, made: OofTableContent) -> Weights:
    """Return the networks behind a table of predictions out of fold, for the first line of files.

    Parameters
    ----------
    layout : TrainingLayout
        Where their checkpoints lie.
    made : OofTableContent
        The record of the table.
    """
    files = [
        layout.checkpoint(BACKBONES[name], fold) for name in made.backbones for fold in range(FOLDS)
    ]
    trained = [read_trained(path) for path in files]
    text = f"out of fold: {' + '.join(made.backbones)}"
    if made.accept_leak:
        text += f"; {LEAK_SENTENCE}"
    return Weights(text, least(one.trained_on for one in trained if one is not None))
