"""The resource of the networks: its configuration, and what it gives."""

import pytest
from pydantic import ValidationError

from ich_resources.backbones.table import BACKBONES, checkpoint_name
from ich_resources.environment import MAX_FOLDS, MODEL_DIR
from ich_resources.errors import CheckpointError, IchError
from ich_resources.inference.resource import NetworksResource

DENSE169 = BACKBONES["DenseNet169_change_avg"]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    monkeypatch.delenv(MODEL_DIR, raising=False)
    monkeypatch.delenv(MAX_FOLDS, raising=False)


def test_defaults_are_those_of_the_reference():
    networks = NetworksResource()
    assert [b.name for b in networks.chosen] == list(BACKBONES)
    assert networks.max_folds is None
    assert networks.slice_context == "auto" and networks.context_of([]) == "replicated"
    assert (networks.device, networks.batch_size) == ("auto", 16)


def test_chosen_backbones_come_in_the_order_of_the_ensemble():
    names = ["se_resnext101_32x4d", "DenseNet121_change_avg"]
    chosen = NetworksResource(backbones=names).chosen
    assert [b.name for b in chosen] == ["DenseNet121_change_avg", "se_resnext101_32x4d"]


@pytest.mark.parametrize(
    "names", [[], ["resnet50"], [DENSE169.name, "resnet50"], [DENSE169.name, DENSE169.name]]
)
def test_backbones_no_one_knows(names):
    with pytest.raises(IchError, match="it must name some of DenseNet121_change_avg"):
        _ = NetworksResource(backbones=names).chosen


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"max_folds_per_backbone": 0},
        {"max_folds_per_backbone": 6},
        {"slice_context": "both"},
    ],
)
def test_values_out_of_range(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        NetworksResource(**wrong)


def test_the_environment_fills_what_is_left_open(monkeypatch, tmp_path):
    monkeypatch.setenv(MODEL_DIR, str(tmp_path / "environment"))
    monkeypatch.setenv(MAX_FOLDS, "2")
    assert NetworksResource().folder == tmp_path / "environment"
    assert NetworksResource().max_folds == 2
    configured = NetworksResource(model_dir=str(tmp_path / "here"), max_folds_per_backbone=3)
    assert configured.folder == tmp_path / "here"
    assert configured.max_folds == 3


def test_no_model_folder_anywhere():
    with pytest.raises(IchError, match="MODEL_DIR is not set") as caught:
        _ = NetworksResource().folder
    assert "resources.networks.config.model_dir" in caught.value.remedy


@pytest.fixture
def files(tmp_path):
    """Five files that are found and digested, never loaded."""
    (tmp_path / DENSE169.folder).mkdir(parents=True)
    for fold in range(5):
        (tmp_path / DENSE169.folder / checkpoint_name(fold)).write_bytes(b"%d" % fold)
    return tmp_path


def test_checkpoints_and_one_of_them(files):
    networks = NetworksResource(model_dir=str(files), max_folds_per_backbone=2)
    first, second = networks.checkpoints(DENSE169)
    assert networks.checkpoint(DENSE169, 0) == first
    assert networks.checkpoint(DENSE169, 1) == second
    assert networks.checkpoint(DENSE169, 4).path.name == "model_epoch_best_4.pth"


def test_a_fold_that_is_not_there(files):
    (files / DENSE169.folder / checkpoint_name(4)).unlink()
    networks = NetworksResource(model_dir=str(files))
    with pytest.raises(CheckpointError, match=r"missing: model_epoch_best_4\.pth"):
        networks.checkpoints(DENSE169)
