"""The resource of the networks: its configuration, and what it gives."""

import numpy as np
import pytest
from pydantic import ValidationError

from ich_resources.backbones.table import BACKBONES, checkpoint_name
from ich_resources.environment import MAX_FOLDS, MODEL_DIR
from ich_resources.errors import CheckpointError, IchError, InferenceError
from ich_resources.inference.resource import NetworksResource
from ich_resources.series import SeriesImages

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


def test_load_and_predict(stand_in_models):
    networks = NetworksResource(
        model_dir=str(stand_in_models),
        device="cpu",
        max_folds_per_backbone=1,
        slice_context="adjacent",
        batch_size=2,
        backend="pytorch",
    )
    found = networks.checkpoints(DENSE169)
    assert found[0].expected, "the stand-ins come with their digests"
    (fold,) = networks.load(found)
    assert networks.load(found)[0].network is fold.network
    (again,) = NetworksResource(device="cpu", backend="pytorch").load(found)
    assert again.network is fold.network, "every run has its own resource"
    assert fold.untrained
    assert networks.device_name() == "cpu"
    crops = np.random.default_rng(0).integers(0, 256, (3, 512, 512), np.uint8)
    images = SeriesImages(("1", "2", "3"), crops)
    adjacent = networks.predict([fold], images)
    assert adjacent.probabilities.shape == (1, 3, 6)
    replicated = NetworksResource(device="cpu").predict([fold], images)
    assert abs(adjacent.probabilities - replicated.probabilities).max() > 1e-3


@pytest.mark.slow
def test_openvino_where_it_is_installed(stand_in_models, tmp_path):
    pytest.importorskip("openvino", reason="the extra cpu is not installed")
    networks = NetworksResource(
        model_dir=str(stand_in_models),
        device="cpu",
        max_folds_per_backbone=1,
        compiled_dir=str(tmp_path),
    )
    found = networks.checkpoints(DENSE169)
    assert networks.engine == "openvino"
    (fold,) = networks.load(found)
    (plain,) = networks.load(found, gradients=True)
    assert sum(p.numel() for p in fold.network.parameters()) < 20_000
    assert sum(p.numel() for p in plain.network.parameters()) > 10_000_000
    crops = np.random.default_rng(0).integers(0, 256, (3, 512, 512), np.uint8)
    images = SeriesImages(("1", "2", "3"), crops)
    difference = networks.predict([fold], images).probabilities
    difference = difference - networks.predict([plain], images).probabilities
    assert abs(difference).max() < 1e-4


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"precision": "float16"}, "float16 needs CUDA"),
        ({"precision": "tf32"}, "tf32 needs CUDA"),
        ({"backend": "openvino", "device": "tpu"}, "unknown device"),
    ],
)
def test_what_cannot_be_had_is_an_error(fields, says):
    with pytest.raises(InferenceError, match=says):
        _ = NetworksResource(**{"device": "cpu", **fields}).engine


def test_an_absent_device_is_an_error(stand_in_models):
    networks = NetworksResource(model_dir=str(stand_in_models), device="tpu")
    with pytest.raises(InferenceError, match="unknown device 'tpu'"):
        networks.load([])
