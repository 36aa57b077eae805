"""The loss of a batch, by hand."""

import math

import pytest
import torch
from torch.nn import functional

from ich_resources.training.loss import class_weights, label_weight, summed_loss

CPU = torch.device("cpu")


def mean_loss(logits, labels, any_weight=1.0):
    weights = class_weights(any_weight, CPU)
    total = summed_loss(logits, labels, weights).detach()
    return float(total / label_weight(labels, weights))


def test_with_all_labels_it_is_the_plain_mean():
    torch.manual_seed(0)
    logits, labels = torch.randn(7, 6), (torch.rand(7, 6) < 0.3).float()
    expected = functional.binary_cross_entropy_with_logits(logits, labels)
    assert mean_loss(logits, labels) == pytest.approx(float(expected), rel=1e-6)


def test_a_class_that_was_not_read_does_not_count():
    labels = torch.tensor([[1.0, float("nan"), 0, 0, 0, 0]])
    logits = torch.tensor([[0.0, 50.0, 0, 0, 0, 0]], requires_grad=True)
    assert mean_loss(logits, labels) == pytest.approx(math.log(2))
    summed_loss(logits, labels, class_weights(1, CPU)).backward()
    assert logits.grad.tolist() == [[-0.5, 0, 0.5, 0.5, 0.5, 0.5]]


def test_any_may_count_twice():
    labels = torch.tensor([[1.0, 0, 0, 0, 0, 0]])
    logits = torch.tensor([[-2.0, 0, 0, 0, 0, 0]])
    bad = math.log(1 + math.exp(2))
    assert mean_loss(logits, labels) == pytest.approx((bad + 5 * math.log(2)) / 6)
    assert mean_loss(logits, labels, 2.0) == pytest.approx((2 * bad + 5 * math.log(2)) / 7)
