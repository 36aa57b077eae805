"""The networks at work: loaded and run as configured."""

import numpy as np
import pytest

from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import InferenceError
from ich_resources.inference.resource import NetworksResource
from ich_resources.series_images import SeriesImages

DENSE169 = BACKBONES["DenseNet169_change_avg"]


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
    (fold,) = networks.runner.load(found)
    assert networks.runner.load(found)[0].network is fold.network
    (again,) = NetworksResource(device="cpu", backend="pytorch").runner.load(found)
    assert again.network is fold.network, "every run has its own resource"
    assert fold.untrained
    assert networks.runner.device_name() == "cpu"
    crops = np.random.default_rng(0).integers(0, 256, (3, 512, 512), np.uint8)
    images = SeriesImages(("1", "2", "3"), crops)
    adjacent = networks.runner.predict([fold], images)
    assert adjacent.probabilities.shape == (1, 3, 6)
    replicated = NetworksResource(device="cpu").runner.predict([fold], images)
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
    assert networks.runner.engine == "openvino"
    (fold,) = networks.runner.load(found)
    (plain,) = networks.runner.load(found, gradients=True)
    assert sum(p.numel() for p in fold.network.parameters()) < 20_000
    assert sum(p.numel() for p in plain.network.parameters()) > 10_000_000
    crops = np.random.default_rng(0).integers(0, 256, (3, 512, 512), np.uint8)
    images = SeriesImages(("1", "2", "3"), crops)
    difference = networks.runner.predict([fold], images).probabilities
    difference = difference - networks.runner.predict([plain], images).probabilities
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
        _ = NetworksResource(**{"device": "cpu", **fields}).runner.engine


def test_an_absent_device_is_an_error(stand_in_models):
    networks = NetworksResource(model_dir=str(stand_in_models), device="tpu")
    with pytest.raises(InferenceError, match="unknown device 'tpu'"):
        networks.runner.load([])
