"""Where the files of a training lie, and which of them belong to which step."""

from pathlib import Path

import pytest

from ich_resources.backbones.table import BACKBONES
from ich_resources.storage.own_files import is_own
from ich_resources.storage.training_layout import TrainingLayout, fold_subject
from ich_resources.subjects import training_subject

ROOT = Path("/train")
OURS = TrainingLayout(ROOT)
DENSE, SENET = BACKBONES["DenseNet121_change_avg"], BACKBONES["se_resnext101_32x4d"]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (OURS.slices, "dataset/slices.csv"),
        (OURS.folds, "dataset/folds.csv"),
        (
            OURS.checkpoint(DENSE, 3),
            "models/2DNet/DenseNet121_change_avg_512/model_epoch_best_3.pth",
        ),
        (OURS.sequence_checkpoint(4), "models/SequenceModel/fold_4.pt"),
        (OURS.last(fold_subject(DENSE, 3)), "state/training/densenet121/3/last.pth"),
        (OURS.log(fold_subject(DENSE, 3)), "state/training/densenet121/3/log.csv"),
        (OURS.oof(SENET, 0).features, "oof/se_resnext101/fold_0.features.npy"),
        (OURS.oof(SENET, 0).probabilities, "oof/se_resnext101/fold_0.probabilities.npy"),
        (OURS.oof(SENET, 0).order, "oof/se_resnext101/fold_0.csv"),
        (OURS.test(SENET, 0).order, "test/se_resnext101/fold_0.csv"),
        (
            OURS.single_model_output(SENET),
            "output/SingleModelOutput/se_resnext101_32x4d_256/prediction",
        ),
        (OURS.submission, "output/submission_tta.csv"),
        (
            OURS.steps.record(fold_subject(DENSE, 3), "trained_fold"),
            "state/training/densenet121/3/trained_fold.json",
        ),
        (
            OURS.steps.record(training_subject(), "oof_table"),
            "state/training/oof_table.json",
        ),
    ],
)
def test_paths(found, expected):
    assert found == ROOT / expected


@pytest.mark.parametrize(
    ("step", "name", "own"),
    [
        ("trained_fold", "models/2DNet/DenseNet121_change_avg_512/model_epoch_best_1.pth", True),
        ("trained_fold", "models/2DNet/DenseNet121_change_avg_512/model_epoch_best_2.pth", False),
        ("trained_fold", "models/2DNet/se_resnext101_32x4d_256/model_epoch_best_1.pth", False),
        ("trained_fold", "dataset/slices.csv", False),
        ("oof_predictions", "oof/densenet121/fold_1.csv", True),
        ("oof_predictions", "oof/densenet121/fold_0.csv", False),
        ("oof_predictions", "test/densenet121/fold_1.csv", False),
        ("test_predictions", "test/densenet121/fold_1.csv", True),
    ],
)
def test_a_step_of_a_fold_owns_the_files_of_its_fold(step, name, own):
    assert is_own(OURS.steps, fold_subject(DENSE, 1), step, name) is own


@pytest.mark.parametrize(
    ("step", "name", "own"),
    [
        ("oof_table", "oof/table.csv", True),
        ("oof_table", "oof/densenet121/fold_0.csv", False),
        (
            "oof_table",
            "output/SingleModelOutput/se_resnext101_32x4d_256/prediction/val_aug_4.csv",
            True,
        ),
        ("submission", "output/submission_tta.csv", True),
        ("submission", "output/evaluation/report.json", False),
    ],
)
def test_a_step_of_all_folds_owns_its_tables(step, name, own):
    assert is_own(OURS.steps, training_subject(), step, name) is own
