"""Feature maps that saliency takes from the predictions: the same bits, once, and bounded."""

import numpy as np
import pytest
import torch

from ich_resources.backbones.checkpoint import find_checkpoint
from ich_resources.backbones.compiled import CompiledNetwork
from ich_resources.backbones.kept_features import KEPT, KeptFeatures
from ich_resources.backbones.loading import load_all_compiled, load_folds
from ich_resources.backbones.table import BACKBONES
from ich_resources.inference.predict import predict_folds
from ich_resources.saliency.explain import explain_slices
from ich_resources.saliency.options import SaliencyOptions

pytestmark = pytest.mark.slow
pytest.importorskip("openvino", reason="the extra cpu is not installed")
SIZE = 4 * 8 * 2 * 2
"""Bytes of the maps of one slice below."""


@pytest.fixture
def network():
    return CompiledNetwork(torch.nn.Identity(), None, "float32")


def inputs(slices: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(slices)
    x = torch.rand(slices, 3, 4, 4, generator=generator)
    return x, torch.rand(slices, 8, 2, 2, generator=generator)


def test_what_was_kept_is_taken_once_and_in_any_order(network):
    kept, (x, features) = KeptFeatures(1_000), inputs(3)
    kept.keep(network, x, features)
    assert kept.size == 3 * SIZE
    taken = kept.take(network, x[[2, 0]])
    assert torch.equal(taken, features[[2, 0]])
    assert kept.take(network, x[[2, 0]]) is None
    assert kept.take(network, x[[1, 0]]) is None, "one of two is gone"
    assert kept.size == SIZE


def test_other_inputs_and_other_networks_find_nothing(network):
    kept, (x, features) = KeptFeatures(1_000), inputs(2)
    kept.keep(network, x, features)
    assert kept.take(network, x + 1e-6) is None
    assert kept.take(CompiledNetwork(torch.nn.Identity(), None, "float32"), x) is None
    kept.keep(torch.nn.Identity(), x, features)  # depends on the slices beside it
    assert kept.size == 2 * SIZE
    kept.forget(network)
    assert kept.size == 0


def test_what_has_no_room_is_not_kept(network):
    kept, (x, features) = KeptFeatures(2 * SIZE + 1), inputs(3)
    kept.keep(network, x, features)
    assert kept.size == 2 * SIZE
    assert kept.take(network, x) is None
    assert torch.equal(kept.take(network, x[:2]), features[:2])


@pytest.mark.parametrize("method", ["gradcam", "gradcampp"])
def test_the_maps_after_predictions_have_the_bits_of_maps_alone(
    stand_in_models, tmp_path_factory, monkeypatch, method
):
    cache = tmp_path_factory.mktemp("compiled")
    file = find_checkpoint(stand_in_models, BACKBONES["DenseNet169_change_avg"], 0)
    folds = load_all_compiled([file], cache, "float32")
    crops = np.random.default_rng(1).integers(0, 256, (3, 512, 512), dtype=np.uint8)
    options = SaliencyOptions(mode="single", method=method)

    def maps() -> list[np.ndarray]:
        found = explain_slices(folds, crops, range(3), options, context="adjacent", batch_size=2)
        return [item.slice_map for item in found]

    alone = maps()
    plain = predict_folds(folds, crops, context="adjacent", batch_size=8)
    assert KEPT.size == 0
    kept = predict_folds(folds, crops, context="adjacent", batch_size=8, keep_features=True)
    np.testing.assert_array_equal(kept.probabilities, plain.probabilities)
    assert KEPT.size == 3 * 1664 * 8 * 8 * 4
    passes = []
    monkeypatch.setattr(CompiledNetwork, "forward_features", lambda *_: passes.append(1))
    np.testing.assert_array_equal(maps(), alone)
    assert passes == [] and KEPT.size == 0


def test_pytorch_keeps_nothing(stand_in_models):
    file = find_checkpoint(stand_in_models, BACKBONES["DenseNet121_change_avg"], 0)
    folds = load_folds([file], torch.device("cpu"))
    crops = np.zeros((1, 512, 512), np.uint8)
    predict_folds(folds, crops, context="replicated", batch_size=1, keep_features=True)
    assert KEPT.size == 0
