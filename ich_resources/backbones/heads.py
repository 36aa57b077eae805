"""What a network is, and its second half: pooling and the linear head, without the layers before.

This module imports PyTorch alone. The libraries that hold the layers take seconds to import, and a
network whose features are compiled does not need them.
"""

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from ich_resources.backbones.table import Backbone
from ich_resources.hemorrhage import CLASSES

EMPTY: Mapping[str, nn.Module] = MappingProxyType({})


class Network(nn.Module):
    """A backbone in two halves, so that saliency can take hold between them.

    Attributes
    ----------
    memory_format : torch.memory_format
        Memory format of its input.
    """

    memory_format = torch.channels_last

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the last feature maps.

        Parameters
        ----------
        x : Tensor, shape (B, 3, S, S)
            Network input, float32, from ``inputs.to_input``.

        Returns
        -------
        Tensor, shape (B, K, h, w)
            float32, or the lower precision in which the network runs. h and w are about S / 32.

        Raises
        ------
        NotImplementedError
            In this class. Each backbone defines its own.
        """
        raise NotImplementedError

    def forward_head(self, features: Tensor) -> Tensor:
        """Return the logits.

        Parameters
        ----------
        features : Tensor, shape (B, K, h, w)
            From ``forward_features``.

        Returns
        -------
        Tensor, shape (B, 6)
            Logits in the order of ``CLASSES``; float32, or the lower precision in which the
            network runs.

        Raises
        ------
        NotImplementedError
            In this class. Each backbone defines its own.
        """
        raise NotImplementedError

    def pool(self, features: Tensor) -> Tensor:
        """Return the pooled features, which the linear head sees.

        Parameters
        ----------
        features : Tensor, shape (B, K, h, w)
            From ``forward_features``.

        Returns
        -------
        Tensor, shape (B, K)
            float32, or the lower precision in which the network runs.

        Raises
        ------
        NotImplementedError
            In this class. Each backbone defines its own.
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a network input: both halves, one after the other.

        Parameters
        ----------
        x : Tensor, shape (B, 3, S, S)
            Network input, float32.

        Returns
        -------
        Tensor, shape (B, 6)
            Logits; see ``forward_head`` for the dtype.
        """
        return self.forward_head(self.forward_features(x))


class DenseNetHead(Network):
    """ReLU, global average and a linear head ``mlp``, as in the released checkpoints.

    Parameters
    ----------
    feature_width : int
        Number of feature maps, K.
    before : mapping of str to nn.Module
        The layers before, by name, where there are any. They come first in the state dict.
    """

    def __init__(self, feature_width: int, before: Mapping[str, nn.Module] = EMPTY) -> None:
        super().__init__()
        for name, layer in before.items():
            self.add_module(name, layer)
        self.mlp = nn.Linear(feature_width, len(CLASSES))

    def pool(self, features: Tensor) -> Tensor:
        """See ``Network``."""
        return torch.relu(features).mean((2, 3))

    def forward_head(self, features: Tensor) -> Tensor:
        """See ``Network``."""
        logits: Tensor = self.mlp(self.pool(features))
        return logits


class SEResNeXtHead(Network):
    """An adaptive average and a linear head, named as in the released checkpoints.

    Parameters
    ----------
    feature_width : int
        Number of feature maps, K.
    model_ft : nn.Module
        Holds them, and the layers before where there are any.
    """

    def __init__(self, feature_width: int, model_ft: nn.Module) -> None:
        super().__init__()
        self.model_ft = model_ft
        model_ft.add_module("avg_pool", nn.AdaptiveAvgPool2d(1))
        model_ft.add_module("last_linear", nn.Sequential(nn.Linear(feature_width, len(CLASSES))))

    def pool(self, features: Tensor) -> Tensor:
        """See ``Network``."""
        pooled: Tensor = self.model_ft.get_submodule("avg_pool")(features).flatten(1)
        return pooled

    def forward_head(self, features: Tensor) -> Tensor:
        """See ``Network``."""
        logits: Tensor = self.model_ft.get_submodule("last_linear")(self.pool(features))
        return logits


def build_head(backbone: Backbone) -> Network:
    """Build the second half of a backbone with its initial weights."""
    if backbone.family == "densenet":
        return DenseNetHead(backbone.feature_width)
    return SEResNeXtHead(backbone.feature_width, nn.Module())


def load_head(backbone: Backbone, weights: dict[str, Tensor]) -> Network:
    """Return the second half of a backbone, in evaluation mode, without parameter gradients.

    Parameters
    ----------
    backbone : Backbone
        ``family`` and ``feature_width`` say which layers the head has.
    weights : dict of str to Tensor
        Its weights, float32 on the CPU, by name. Names of other layers are passed over.

    Raises
    ------
    KeyError, RuntimeError
        If a weight is missing or has another shape.
    """
    with torch.device("meta"):
        head = build_head(backbone)
    own = {name: weights[name] for name in head.state_dict()}
    head.load_state_dict(own, strict=True, assign=True)
    return head.eval().requires_grad_(False)
