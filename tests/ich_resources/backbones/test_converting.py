"""A filled graph has the bits of a direct conversion, and what does not fit is refused."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from ich_resources.backbones.checkpoint import find_checkpoint
from ich_resources.backbones.converting import EXAMPLE, convert_features, fill
from ich_resources.backbones.loading import load_folds
from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import InferenceError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*torch.jit.*")]
openvino = pytest.importorskip("openvino", reason="the extra cpu is not installed")


class _FeatureHalf(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network.forward_features(x)


def _constants(model):
    ops = [op for op in model.get_ordered_ops() if op.get_type_name() == "Constant"]
    return [(list(op.get_output_shape(0)), op.get_data().tobytes()) for op in ops]


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=lambda backbone: backbone.asset)
def test_each_fold_has_the_bits_of_a_direct_conversion(backbone, stand_in_models):
    core, x = openvino.Core(), np.random.default_rng(5).random((1, 3, 96, 96), np.float32)
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    (fold,) = load_folds([find_checkpoint(stand_in_models, backbone, 0)], torch.device("cpu"))
    network, features = deepcopy(fold.network), []
    for scale in (1, 0.9):  # the first fold, and another
        network.load_state_dict({k: v * scale for k, v in fold.network.state_dict().items()})
        example = torch.zeros(1, 3, EXAMPLE, EXAMPLE)
        with torch.inference_mode():
            direct = openvino.convert_model(_FeatureHalf(network), example_input=example)
        filled = convert_features(backbone, network.state_dict())
        assert _constants(filled) == _constants(direct)
        found, expected = (core.compile_model(m, "CPU", options)(x)[0] for m in (filled, direct))
        np.testing.assert_array_equal(found, expected)
        features.append(found)
    assert np.abs(features[0] - features[1]).max() > 1e-3, "the test could not fail"


def _network():
    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = nn.Module()
            self.network.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return self.network.conv(x)

    return Small().eval()


def _traced(module):
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    decoder = TorchScriptPythonDecoder(module, example_input=torch.zeros(1, 3, 8, 8))
    front_end = FrontEndManager().load_by_framework("pytorch")
    return front_end.convert(front_end.load(decoder))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda w: w.pop("conv.bias"), "conv.bias"),
        (lambda w: w.update({"norm.weight": torch.ones(4)}), "norm.weight"),
        (lambda w: w.update({"conv.weight": torch.ones(4, 3, 5, 5)}), "conv.weight"),
    ],
    ids=["a constant is left", "a tensor is left", "another shape"],
)
def test_what_does_not_fit_is_refused(change, named):
    module = _network()
    weights = dict(module.network.state_dict())
    fill(_traced(module), weights, of_the_head=(), name="small")
    change(weights)
    with pytest.raises(InferenceError, match=f"differ in 1 tensors: {named}"):
        fill(_traced(module), weights, of_the_head=(), name="small")
