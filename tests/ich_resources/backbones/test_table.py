"""The table of backbones says what docs/reference.md, section 3, says."""

import dataclasses
import subprocess
import sys

import pytest

from ich_resources.backbones.table import BACKBONES, FOLDS, checkpoint_name


@pytest.mark.parametrize(
    ("name", "folder", "size", "width"),
    [
        ("DenseNet121_change_avg", "2DNet/DenseNet121_change_avg_512", 512, 1024),
        ("DenseNet169_change_avg", "2DNet/DenseNet169_change_avg_256", 256, 1664),
        ("se_resnext101_32x4d", "2DNet/se_resnext101_32x4d_256", 256, 2048),
    ],
)
def test_rows_of_the_reference(name, folder, size, width):
    backbone = BACKBONES[name]
    assert backbone.name == name
    assert backbone.folder == folder
    assert backbone.input_size == size
    assert backbone.feature_width == width


def test_order_of_the_ensemble():
    assert list(BACKBONES) == [
        "DenseNet121_change_avg",
        "DenseNet169_change_avg",
        "se_resnext101_32x4d",
    ]


def test_names_of_files_and_steps():
    assert [checkpoint_name(fold) for fold in range(FOLDS)] == [
        f"model_epoch_best_{fold}.pth" for fold in (0, 1, 2, 3, 4)
    ]
    assert [backbone.predictions_step for backbone in BACKBONES.values()] == [
        "densenet121_predictions",
        "densenet169_predictions",
        "se_resnext101_predictions",
    ]


def test_a_row_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        BACKBONES["se_resnext101_32x4d"].input_size = 512  # type: ignore[misc]


@pytest.mark.parametrize("module", ["table", "checkpoint"])
def test_importable_without_torch(module):
    code = f"import ich_resources.backbones.{module}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
