"""Asset checks of a training: some block what comes after, the others warn."""

from collections import Counter
from collections.abc import Sequence

import dagster as dg
import numpy as np

from ich_assets.learning.data_set import DataSet, data_set
from ich_assets.learning.oof_table import oof_table
from ich_assets.learning.predicted import read_features, read_fold
from ich_assets.learning.resources import LEARNING_RESOURCES, LearningResources
from ich_assets.learning.training import trained_fold
from ich_assets.training_partitions import BACKBONE_AND_FOLD, backbone_and_fold
from ich_resources.backbones.checkpoint import CheckpointFile, find_checkpoint
from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone
from ich_resources.errors import CheckpointError, IchError
from ich_resources.metric import prevalences, prior_loss, weighted_log_loss
from ich_resources.steps import OOF_TABLE
from ich_resources.storage.training_table_schemas import OofTableContent
from ich_resources.subjects import training_subject

FOLD_SPREAD = 2.0
"""How far the losses of the folds of one backbone may lie apart, as a ratio."""


@dg.asset_check(
    asset=trained_fold,
    partitions_def=BACKBONE_AND_FOLD,
    blocking=True,
    required_resource_keys=LEARNING_RESOURCES,
)
def checkpoint_fits(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """The checkpoint loads strictly as scoring loads it, and is of its own backbone and fold."""
    from ich_resources.backbones.loading import try_fold

    layout = LearningResources.of(context).train_root.layout
    backbone, fold = backbone_and_fold(context.partition_key)
    try:
        file = find_checkpoint(layout.models, backbone, fold)
        trained_on = try_fold(file)
        fits, why = file.trained is not None, "it does not say what it was trained on"
    except CheckpointError as err:
        return dg.AssetCheckResult(passed=False, description=str(err))
    return dg.AssetCheckResult(
        passed=fits,
        description=None if fits else why,
        metadata={"sha256": file.digest, "trained_on": str(trained_on)},
    )


@dg.asset_check(asset=oof_table, blocking=True, required_resource_keys=LEARNING_RESOURCES)
def oof_once(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Every labelled slice is predicted once by each backbone, by a network that held it out.

    What a network has held out is read from its checkpoint, not from the list of folds.
    """
    resources = LearningResources.of(context)
    data = data_set(resources.train_root.layout)
    labelled = set(np.flatnonzero(data.slices.labelled).tolist())
    rows = {uid: row for row, uid in enumerate(data.slices.slices)}
    times: dict[str, Counter[int]] = {}
    seen: list[str] = []
    for backbone in _backbones(resources):
        counted = times.setdefault(backbone.name, Counter())
        for fold in range(FOLDS):
            order, _ = read_fold(resources, "oof", backbone, fold)
            predicted = [rows.get(uid, -1) for uid in order]
            counted.update(predicted)
            seen += _not_held_out(resources, data, backbone, fold, predicted)
    unknown = sum(counted[-1] for counted in times.values())
    missing = sum(counted[row] == 0 for counted in times.values() for row in labelled)
    twice = sum(number > 1 for counted in times.values() for number in counted.values())
    return dg.AssetCheckResult(
        passed=not (seen or unknown or missing or twice),
        description="; ".join(seen[:3]) or None,
        metadata={
            "labelled_slices": len(labelled),
            "missing": missing,
            "predicted_twice": twice,
            "not_in_the_data_set": unknown,
            "partitions_that_have_seen_a_study": len(seen),
        },
    )


def _not_held_out(
    resources: LearningResources, data: DataSet, backbone: Backbone, fold: int, rows: list[int]
) -> list[str]:
    """Return a sentence if a network was trained on a study that it predicts; else nothing."""
    file = _checkpoint(resources, backbone, fold)
    studies = sorted({data.slices.studies[row] for row in rows if row >= 0})
    if file.trained is None:
        return [f"fold {fold} of {backbone.asset} does not say what it was trained on"]
    wrong = sum(file.trained.fold_of(study) != fold for study in studies)
    if not wrong:
        return []
    return [
        f"fold {fold} of {backbone.asset} predicts {wrong} studies that its checkpoint does not "
        "name as held out"
    ]


def _checkpoint(resources: LearningResources, backbone: Backbone, fold: int) -> CheckpointFile:
    return find_checkpoint(resources.train_root.layout.models, backbone, fold)


@dg.asset_check(asset=oof_table, blocking=True, required_resource_keys=LEARNING_RESOURCES)
def oof_finite(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Every probability is within [0, 1], and every feature is finite."""
    resources = LearningResources.of(context)
    outside = not_finite = 0
    for backbone in _backbones(resources):
        for fold in range(FOLDS):
            _, probabilities = read_fold(resources, "oof", backbone, fold)
            _, features = read_features(resources, "oof", backbone, fold)
            outside += int((~((probabilities >= 0) & (probabilities <= 1))).sum())
            not_finite += sum(
                int((~np.isfinite(part)).sum()) for part in np.array_split(features, 64)
            )
    return dg.AssetCheckResult(
        passed=not (outside or not_finite),
        metadata={"probabilities_outside_0_1": outside, "features_not_finite": not_finite},
    )


@dg.asset_check(asset=oof_table, required_resource_keys=LEARNING_RESOURCES)
def beats_prior(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Each fold of each backbone is better than the constant prevalences of its training slices."""
    resources = LearningResources.of(context)
    losses = _fold_losses(resources)
    worse = [name for name, (loss, prior) in losses.items() if loss >= prior]
    return dg.AssetCheckResult(
        passed=not worse,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"not better than constants: {', '.join(worse)}" if worse else None,
        metadata={
            f"{name} / prior": round(loss / prior, 4) for name, (loss, prior) in losses.items()
        },
    )


@dg.asset_check(asset=oof_table, required_resource_keys=LEARNING_RESOURCES)
def fold_losses_alike(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """The folds of each backbone have similar losses. One that differs has failed to train."""
    losses = _fold_losses(LearningResources.of(context))
    ratios = {}
    for backbone in BACKBONES.values():
        own = [loss for name, (loss, _) in losses.items() if name.startswith(f"{backbone.asset} ")]
        if own:
            ratios[backbone.asset] = max(own) / max(min(own), 1e-12)
    return dg.AssetCheckResult(
        passed=all(ratio <= FOLD_SPREAD for ratio in ratios.values()),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={name: round(ratio, 4) for name, ratio in ratios.items()},
    )


def _fold_losses(resources: LearningResources) -> dict[str, tuple[float, float]]:
    """Return the loss and the prior's loss of each fold that has labels, by backbone and fold."""
    data = data_set(resources.train_root.layout)
    labels = data.slices.labels
    rows = {uid: row for row, uid in enumerate(data.slices.slices)}
    losses = {}
    for backbone in _backbones(resources):
        for fold in range(FOLDS):
            order, probabilities = read_fold(resources, "oof", backbone, fold)
            own = labels[[rows[uid] for uid in order]]
            if np.isnan(own).all():
                continue
            prior = prior_loss(own, prevalences(labels[data.fold_of != fold]))
            losses[f"{backbone.asset} {fold}"] = (weighted_log_loss(own, probabilities), prior)
    return losses


def _backbones(resources: LearningResources) -> Sequence[Backbone]:
    """Return the backbones of the table.

    Raises
    ------
    IchError
        If there is no table.
    """
    record = resources.train_root.records.find_as(training_subject(), OOF_TABLE, OofTableContent)
    if record is None:
        raise IchError(
            "the table of predictions out of fold is missing", remedy=f"materialise {OOF_TABLE}"
        )
    return [BACKBONES[name] for name in record.content.backbones]


TRAINING_CHECKS = [checkpoint_fits, oof_once, oof_finite, beats_prior, fold_losses_alike]
