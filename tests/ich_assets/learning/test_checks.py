"""The checks of a training, on predictions and checkpoints that a test made."""

from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import torch
from training_root import Amount, write_training_root

from ich_assets.learning.checks import (
    beats_prior,
    checkpoint_fits,
    fold_losses_alike,
    oof_finite,
    oof_once,
)
from ich_assets.learning.resources import LearningResources
from ich_resources.backbones.networks import build_network
from ich_resources.backbones.recipe_in_file import Trained
from ich_resources.backbones.study_hashes import study_hash
from ich_resources.backbones.table import BACKBONES, FOLDS
from ich_resources.sequence.resource import SequenceResource
from ich_resources.steps import OOF_TABLE
from ich_resources.storage.arrays import write_array
from ich_resources.storage.oof import ORDER_COLUMNS, write_fold, write_table
from ich_resources.storage.record import Record
from ich_resources.storage.resource import TrainRootResource
from ich_resources.storage.training_table_schemas import OofTableContent
from ich_resources.subjects import training_subject
from ich_resources.training.resource import TrainingResource

DENSE = BACKBONES["DenseNet121_change_avg"]
SALT = "0" * 32


def about(fold: int, folds: dict[str, int]) -> Trained:
    return Trained(
        backbone=DENSE.name,
        fold=fold,
        input_size=32,
        slice_context="adjacent",
        trained_on="patients",
        salt=SALT,
        studies={study_hash(SALT, study): number for study, number in folds.items()},
        recipe={},
        labels="",
        init="random",
        weighted_log_loss=0.5,
        versions={},
    )


def write_checkpoint(path: Path, part: Trained, weights: dict | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"epoch": 1, "state_dict": weights or {}, "ich": part.to_plain()}, path)


class Made:
    """Twenty patients of two slices, with predictions that a perfect network gives."""

    def __init__(self, root: Path) -> None:
        self.slices = write_training_root(root, Amount(20, 2))
        self.resources = LearningResources(
            TrainingResource(init="random", device="cpu"),
            TrainRootResource(train_root=str(root)),
            SequenceResource(),
        )
        self.layout = self.resources.train_root.layout
        self.fold_of = {study: int(study.rpartition(".")[2]) % 5 for study in self.slices.studies}
        for fold in range(FOLDS):
            write_checkpoint(self.layout.checkpoint(DENSE, fold), about(fold, self.fold_of))
            self.predict(fold)
        write_array(self.layout.oof_table, np.zeros(1))
        write_table(self.layout.oof_order, pd.DataFrame())
        names = tuple(
            self.layout.steps.relative(path)
            for path in (self.layout.oof_table, self.layout.oof_order)
        )
        content = OofTableContent(
            seconds=0.0,
            backbones=(DENSE.name,),
            slices=40,
            weighted_log_loss={},
            prior=0.5,
        )
        record = Record("", "", names, content)
        self.resources.train_root.records.finish(training_subject(), OOF_TABLE, record)

    def rows(self, fold: int) -> list[int]:
        return [row for row, study in enumerate(self.slices.studies) if self.fold_of[study] == fold]

    def predict(self, fold: int, rows: list[int] | None = None, value=None, features=None) -> None:
        rows = self.rows(fold) if rows is None else rows
        order = {
            name: [column[row] for row in rows]
            for name, column in zip(
                ORDER_COLUMNS,
                (self.slices.slices, self.slices.series, self.slices.studies),
                strict=True,
            )
        }
        labels = self.slices.labels[rows]
        values = 0.1 + 0.8 * labels if value is None else np.full_like(labels, value)
        pooled = np.zeros((len(rows), 8)) if features is None else features
        write_fold(
            self.layout.oof(DENSE, fold),
            pd.DataFrame(order),
            values.astype(np.float32),
            np.asarray(pooled, np.float16),
        )

    def run(self, check, partition: str | None = None) -> dg.AssetCheckResult:
        keys = self.resources._asdict()
        context = dg.build_asset_context(resources=keys, partition_key=partition)
        return check.node_def.compute_fn.decorated_fn(context)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


@pytest.mark.parametrize("check", [oof_once, oof_finite, beats_prior, fold_losses_alike])
def test_sound_predictions_pass(made, check):
    result = made.run(check)
    assert result.passed, result.description


def test_a_study_that_another_fold_holds_out_inside_the_checkpoint_fails(made):
    moved = made.fold_of | {"1.4.2": 3}
    write_checkpoint(made.layout.checkpoint(DENSE, 2), about(2, moved))
    result = made.run(oof_once)
    assert not result.passed
    assert result.description.startswith("fold 2 of densenet121 predicts 1 studies")


def test_a_slice_that_is_missing_or_predicted_twice_fails(made):
    made.predict(1, made.rows(1)[:-1])
    result = made.run(oof_once)
    assert not result.passed and result.metadata["missing"].value == 1
    made.predict(1, [*made.rows(1), *made.rows(2)])
    result = made.run(oof_once)
    assert not result.passed and result.metadata["predicted_twice"].value == 8


def test_values_that_are_not_finite_fail(made):
    made.predict(0, value=np.nan)
    features = np.zeros((8, 8))
    features[1, 3] = np.inf
    made.predict(4, features=features)
    result = made.run(oof_finite)
    assert not result.passed
    assert result.metadata["probabilities_outside_0_1"].value == 48
    assert result.metadata["features_not_finite"].value == 1


def test_a_fold_that_is_worse_than_constants_is_named(made):
    made.predict(3, value=0.99)
    result = made.run(beats_prior)
    assert not result.passed and result.severity == dg.AssetCheckSeverity.WARN
    assert result.description == "not better than constants: densenet121 3"
    assert not made.run(fold_losses_alike).passed


@pytest.mark.slow
def test_a_checkpoint_must_load_as_scoring_loads_it(made):
    path = made.layout.checkpoint(DENSE, 1)
    weights = build_network(DENSE).state_dict()
    write_checkpoint(path, about(1, made.fold_of), weights)
    assert made.run(checkpoint_fits, "densenet121|1").passed
    write_checkpoint(path, about(2, made.fold_of), weights)
    result = made.run(checkpoint_fits, "densenet121|1")
    assert not result.passed and "fold 2" in result.description
    del weights["mlp.bias"]
    write_checkpoint(path, about(1, made.fold_of), weights)
    result = made.run(checkpoint_fits, "densenet121|1")
    assert not result.passed and "missing mlp.bias" in result.description
