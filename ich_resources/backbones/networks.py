"""The networks, from torchvision and pretrainedmodels, laid out as the released checkpoints."""

import pretrainedmodels
import torchvision
from torch import Tensor

from ich_resources.backbones.heads import DenseNetHead, Network, SEResNeXtHead
from ich_resources.backbones.table import Backbone


class DenseNetChangeAvg(DenseNetHead):
    """torchvision DenseNet with ReLU, global average and a linear head ``mlp``.

    The attribute that holds the features carries the architecture's name, as in the released
    checkpoints. The last feature maps are those before the ReLU (docs/reference.md, section 5).
    """

    def __init__(self, architecture: str, feature_width: int) -> None:
        features = getattr(torchvision.models, architecture)(weights=None).features
        super().__init__(feature_width, {architecture: features})
        self._architecture = architecture

    def forward_features(self, x: Tensor) -> Tensor:
        """See ``Network``."""
        features: Tensor = self.get_submodule(self._architecture)(x)
        return features


class SEResNeXt(SEResNeXtHead):
    """pretrainedmodels SE-ResNeXt-101 with an adaptive average and a linear head."""

    def __init__(self, architecture: str, feature_width: int) -> None:
        model_ft = getattr(pretrainedmodels, architecture)(pretrained=None)
        super().__init__(feature_width, model_ft)
        self._features = model_ft.features

    def forward_features(self, x: Tensor) -> Tensor:
        """See ``Network``."""
        features: Tensor = self._features(x)
        return features


def build_network(backbone: Backbone) -> Network:
    """Build a backbone with its initial weights, without any download."""
    family = DenseNetChangeAvg if backbone.family == "densenet" else SEResNeXt
    return family(backbone.architecture, backbone.feature_width)
