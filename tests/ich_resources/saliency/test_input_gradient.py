"""The input gradient of a linear network is its weights."""

import pytest
import torch

from ich_resources.backbones.heads import Network
from ich_resources.saliency import input_gradient


class Linear(Network):
    """Logits = weights applied to the flattened input, (3, 2, 2)."""

    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(weights, requires_grad=False)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def forward_head(self, features: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bcyx,ncyx->bn", features, self.weights)


@pytest.fixture
def network() -> Linear:
    weights = torch.zeros(6, 3, 2, 2)
    weights[1] = torch.tensor([[[3.0, 0], [0, -6]], [[-3, 0], [3, 0]], [[0, 0], [0, 3]]])
    weights[4] = 1.5
    return Linear(weights)


def test_mean_over_channels_of_the_absolute_gradient(network):
    x = torch.rand(2, 3, 2, 2)
    logits, source = input_gradient.forward(network, x)
    found = input_gradient.saliency_map(logits, source, torch.tensor([1, 4]))
    assert found.shape == (2, 2, 2)
    # (3 + 3) / 3, 0; 3 / 3, (6 + 3) / 3
    assert torch.allclose(found[0], torch.tensor([[2.0, 0], [1, 3]]))
    assert torch.allclose(found[1], torch.full((2, 2), 1.5))


def test_forward_gives_the_logits_and_leaves_its_input_alone(network):
    x = torch.rand(2, 3, 2, 2)
    logits, source = input_gradient.forward(network, x)
    assert torch.equal(logits.detach(), network(x))
    assert torch.equal(source.detach(), x)
    assert not x.requires_grad
    assert source.data_ptr() != x.data_ptr()


def test_a_slice_does_not_see_the_others_of_its_batch():
    class Squares(Linear):
        def forward_features(self, x: torch.Tensor) -> torch.Tensor:
            return x**2

    network = Squares(torch.ones(6, 3, 2, 2))
    x = torch.rand(3, 3, 2, 2)
    targets = torch.tensor([0, 1, 2])
    together = input_gradient.saliency_map(*input_gradient.forward(network, x), targets)
    assert torch.allclose(together, 2 * x.mean(1))
