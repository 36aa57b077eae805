"""The networks, from torchvision and pretrainedmodels, laid out as the released checkpoints."""

import pretrainedmodels
import torch
import torchvision
from torch import Tensor, nn

from ich_resources.backbones.table import Backbone
from ich_resources.hemorrhage import CLASSES


class Network(nn.Module):
    """A backbone in two halves, so that saliency can take hold between them.

    Attributes
    ----------
    memory_format : torch.memory_format
        Memory format of its input.
    """

    memory_format = torch.channels_last

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the last feature maps, (B, K, h, w), of a network input, (B, 3, S, S)."""
        raise NotImplementedError

    def forward_head(self, features: Tensor) -> Tensor:
        """Return the logits, (B, 6), of the last feature maps."""
        raise NotImplementedError

    def pool(self, features: Tensor) -> Tensor:
        """Return the pooled features, (B, K), which the linear head sees, of the last maps."""
        raise NotImplementedError

    def drop_features(self) -> None:
        """Forget the feature half: its layers, and their weights."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, (B, 6), of a network input, (B, 3, S, S) float32."""
        return self.forward_head(self.forward_features(x))


class DenseNetChangeAvg(Network):
    """torchvision DenseNet with ReLU, global average and a linear head ``mlp``.

    The attribute that holds the features carries the architecture's name, as in the released
    checkpoints. The last feature maps are those before the ReLU (docs/reference.md, section 5).
    """

    def __init__(self, architecture: str, feature_width: int) -> None:
        super().__init__()
        self._architecture = architecture
        features = getattr(torchvision.models, architecture)(weights=None).features
        self.add_module(architecture, features)
        self.mlp = nn.Linear(feature_width, len(CLASSES))

    def forward_features(self, x: Tensor) -> Tensor:
        """See ``Network``."""
        features: Tensor = self.get_submodule(self._architecture)(x)
        return features

    def drop_features(self) -> None:
        """See ``Network``."""
        self.add_module(self._architecture, nn.Identity())

    def pool(self, features: Tensor) -> Tensor:
        """See ``Network``."""
        return torch.relu(features).mean((2, 3))

    def forward_head(self, features: Tensor) -> Tensor:
        """See ``Network``."""
        logits: Tensor = self.mlp(self.pool(features))
        return logits


class SEResNeXt(Network):
    """pretrainedmodels SE-ResNeXt-101 with an adaptive average and a linear head."""

    def __init__(self, architecture: str, feature_width: int) -> None:
        super().__init__()
        self.model_ft = getattr(pretrainedmodels, architecture)(pretrained=None)
        self.model_ft.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.model_ft.last_linear = nn.Sequential(nn.Linear(feature_width, len(CLASSES)))

    def forward_features(self, x: Tensor) -> Tensor:
        """See ``Network``."""
        features: Tensor = self.model_ft.features(x)
        return features

    def drop_features(self) -> None:
        """See ``Network``."""
        for name in ("layer0", "layer1", "layer2", "layer3", "layer4"):
            self.model_ft.add_module(name, nn.Identity())

    def pool(self, features: Tensor) -> Tensor:
        """See ``Network``."""
        pooled: Tensor = self.model_ft.avg_pool(features).flatten(1)
        return pooled

    def forward_head(self, features: Tensor) -> Tensor:
        """See ``Network``."""
        logits: Tensor = self.model_ft.logits(features)
        return logits


def build_network(backbone: Backbone) -> Network:
    """Build a backbone with its initial weights, without any download."""
    family = DenseNetChangeAvg if backbone.family == "densenet" else SEResNeXt
    return family(backbone.architecture, backbone.feature_width)
