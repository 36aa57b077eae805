"""Grad-CAM and Grad-CAM++ on two feature maps of 2 x 2, worked out by hand."""

import pytest
import torch

from ich_resources.backbones.heads import Network
from ich_resources.saliency.grad_cam import forward, grad_cam, grad_cam_plus_plus

FEATURES = torch.tensor([[[1.0, 2], [3, 4]], [[-1, 0], [2, 1]]])
"""A_0, with sum 10, and A_1."""
GRADIENT = torch.tensor([[[1.0, 0], [0, 3]], [[-2, -2], [-2, -2]]])
"""Of class 2's logit by A: mean 1 and mean -2."""


class TwoMaps(Network):
    """The input's first two channels are the feature maps; the head is linear in them."""

    def __init__(self, gradients: dict[int, torch.Tensor]) -> None:
        super().__init__()
        self.head = torch.nn.Linear(8, 6, bias=False)
        self.head.weight.data.zero_()
        for target, gradient in gradients.items():
            self.head.weight.data[target] = gradient.flatten()

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :2] * 1

    def forward_head(self, features: torch.Tensor) -> torch.Tensor:
        return self.head(features.flatten(1))


def explain(method, gradient: torch.Tensor, features: torch.Tensor = FEATURES) -> torch.Tensor:
    """Return the map of class 2 for one slice."""
    x = torch.cat([features, torch.zeros(1, 2, 2)])[None]
    (found,) = method(*forward(TwoMaps({2: gradient}), x), torch.tensor([2]))
    return found


def test_grad_cam_by_hand():
    # relu(1 * A_0 - 2 * A_1)
    assert torch.allclose(explain(grad_cam, GRADIENT), torch.tensor([[3.0, 2], [0, 2]]))


def test_grad_cam_plus_plus_by_hand():
    # alpha_0 = 1 / (2 + 10 * 1) where g = 1, 0 / 1e-8 where g = 0, 9 / (18 + 10 * 27) where g = 3;
    # w_0 = 1/12 * 1 + 0 + 1/32 * 3 = 17/96; w_1 = 0, as relu(g) = 0 everywhere.
    expected = 17 / 96 * FEATURES[0]
    assert torch.allclose(explain(grad_cam_plus_plus, GRADIENT), expected)


def test_grad_cam_plus_plus_counts_only_positive_gradients():
    # w_0 as above; in map 1 (sum 2) only g = 1 counts: alpha = 1 / (2 + 2), w_1 = 1/4.
    mixed = GRADIENT.clone()
    mixed[1] = torch.tensor([[1.0, -2], [-2, -2]])
    expected = (17 / 96 * FEATURES[0] + FEATURES[1] / 4).relu()
    assert torch.allclose(explain(grad_cam_plus_plus, mixed), expected)


def test_grad_cam_plus_plus_with_a_denominator_of_zero():
    # sum(A_0) = -2 and g = 1: 2 - 2 = 0, alpha = 1 / 1e-8 at four places.
    features = torch.stack([torch.tensor([[1.0, -1], [-1, -1]]), torch.zeros(2, 2)])
    gradient = torch.stack([torch.ones(2, 2), torch.zeros(2, 2)])
    expected = torch.tensor([[4e8, 0], [0, 0]])
    assert torch.allclose(explain(grad_cam_plus_plus, gradient, features), expected)


@pytest.mark.parametrize("method", [grad_cam, grad_cam_plus_plus])
def test_no_gradient_gives_an_empty_map(method):
    assert torch.equal(explain(method, torch.zeros(2, 2, 2)), torch.zeros(2, 2))


@pytest.mark.parametrize("method", [grad_cam, grad_cam_plus_plus])
def test_each_slice_of_a_batch_has_its_own_target(method):
    # Class 5 has the gradient of class 2 with its maps exchanged: another map for the same slice.
    network = TwoMaps({2: GRADIENT, 5: GRADIENT.flip(0)})
    slices = torch.stack([FEATURES, 2 * FEATURES, FEATURES.flip(0)])
    x = torch.cat([slices, torch.zeros(3, 1, 2, 2)], dim=1)
    targets = torch.tensor([5, 2, 2])
    together = method(*forward(network, x), targets)
    alone = [method(*forward(network, x[i : i + 1]), targets[i : i + 1]) for i in range(3)]
    assert together.shape == (3, 2, 2)
    assert torch.allclose(together, torch.cat(alone))
    others = method(*forward(network, x), torch.tensor([2, 5, 5]))
    assert not any(torch.allclose(*pair) for pair in zip(together, others, strict=True))


def test_forward_keeps_a_graph_for_the_head_only():
    network = TwoMaps({0: GRADIENT})
    x = torch.rand(1, 3, 2, 2)
    logits, source = forward(network, x)
    assert torch.equal(logits, network(x))
    assert source.is_leaf and source.requires_grad
    assert logits.requires_grad and not x.requires_grad
