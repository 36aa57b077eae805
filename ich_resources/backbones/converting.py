"""From PyTorch to OpenVINO: the graph of a backbone is made once, and each fold fills its weights.

Tracing a network takes seconds; filling a traced graph takes a tenth of one. It has to be filled
before OpenVINO's common transformations, which fold batch norm into convolutions: after them few
constants are tensors of the checkpoint. Before them every tensor of the feature half is a constant
that carries its name. Both steps are those of ``openvino.convert_model``, so the result has the
same bits. The functions for it are not public: the version of OpenVINO is pinned.
"""

import threading
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ich_resources.backbones.heads import Network, build_head
from ich_resources.backbones.table import Backbone
from ich_resources.errors import InferenceError

EXAMPLE = 64
"""Edge of the example that a conversion runs. The result holds for any size; a larger one only
takes longer."""
_PREFIX = "self.network."
_UNUSED = "num_batches_tracked"
"""End of the name of a tensor that only training uses."""
_GRAPHS: dict[str, Any] = {}
_TRACING = threading.Lock()


class _Features(nn.Module):
    """The feature half of a network, as a module of its own."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network.forward_features(x)


def convert_features(backbone: Backbone, weights: Mapping[str, Tensor]) -> Any:
    """Return the feature half of a network as an openvino.Model, for any batch and size.

    Parameters
    ----------
    backbone : Backbone
        Its architecture. A process traces it once.
    weights : mapping of str to Tensor
        State dict of the whole network, float32 on the CPU.

    Raises
    ------
    InferenceError
        If a constant of the graph is not filled, or a tensor of the feature half is not used.
    """
    from openvino._offline_transformations import apply_moc_transformations

    model = _graph(backbone).clone()
    fill(model, weights, of_the_head=build_head(backbone).state_dict().keys(), name=backbone.name)
    apply_moc_transformations(model, cf=False, smart_reshape=True)
    return model


def fill(model: Any, weights: Mapping[str, Tensor], *, of_the_head: Any, name: str) -> None:
    """Put weights into a traced graph, each into the constant of its name.

    Parameters
    ----------
    model : openvino.Model
        As the front end has made it.
    weights : mapping of str to Tensor
        State dict of the whole network.
    of_the_head : collection of str
        Names of tensors that the graph does not have.
    name : str
        Of the backbone, for errors.

    Raises
    ------
    InferenceError
        If a constant and a tensor do not fit, or one of them is left.
    """
    from openvino import opset13

    constants = {
        op.get_friendly_name().removeprefix(_PREFIX): op
        for op in model.get_ops()
        if op.get_type_name() == "Constant" and op.get_friendly_name().startswith(_PREFIX)
    }
    expected = {key for key in weights if key not in of_the_head and not key.endswith(_UNUSED)}
    unlike = constants.keys() ^ expected
    unlike |= {
        key
        for key in constants.keys() & expected
        if list(constants[key].get_output_shape(0)) != list(weights[key].shape)
    }
    if unlike:
        raise InferenceError(
            f"the graph of {name} that OpenVINO made and the network differ in {len(unlike)} "
            f"tensors: {', '.join(sorted(unlike)[:3])}",
            remedy="install the version of openvino in constraints.txt, or set backend to pytorch",
        )
    for key, op in constants.items():
        content = np.ascontiguousarray(weights[key].numpy())
        filled = opset13.constant(content, shared_memory=True)
        filled.set_friendly_name(op.get_friendly_name())
        op.output(0).replace(filled.output(0))


def _graph(backbone: Backbone) -> Any:
    """Return the graph of a backbone with zeros for weights."""
    with _TRACING:  # tracing is for one thread at a time
        if backbone.name not in _GRAPHS:
            _GRAPHS[backbone.name] = _traced(backbone)
        return _GRAPHS[backbone.name]


def _traced(backbone: Backbone) -> Any:
    # The libraries that hold the layers take seconds to import; a cached network needs none.
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    from ich_resources.backbones.networks import build_network

    with torch.device("meta"):
        network = build_network(backbone)
    zeros = {name: torch.zeros(t.shape, dtype=t.dtype) for name, t in network.state_dict().items()}
    network.load_state_dict(zeros, strict=True, assign=True)
    network.float().eval().requires_grad_(False)
    example = torch.zeros(1, 3, EXAMPLE, EXAMPLE)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # OpenVINO traces, which PyTorch would rather not have
        decoder = TorchScriptPythonDecoder(_Features(network), example_input=example)
    front_end = FrontEndManager().load_by_framework("pytorch")
    return front_end.convert(front_end.load(decoder))
