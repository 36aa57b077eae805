import pytest
import torch

from ich_resources.metric import weighted_log_loss
from ich_resources.sequence.loss import both_heads_loss, head_loss


def test_the_loss_is_the_metric_and_any_counts_twice() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 5, 6), (torch.rand(2, 5, 6) < 0.4).float()

    expected = weighted_log_loss(labels.reshape(-1, 6), torch.sigmoid(logits).reshape(-1, 6))

    assert head_loss(logits, labels).item() == pytest.approx(expected, rel=1e-5)
    assert both_heads_loss(logits, logits, labels).item() == pytest.approx(2 * expected, rel=1e-5)


def test_labels_that_were_not_read_have_no_part_in_it() -> None:
    logits = torch.zeros(1, 2, 6, requires_grad=True)
    labels = torch.tensor([[[1, 0, 0, 0, 0, torch.nan], [torch.nan] * 6]])

    head_loss(logits, labels).backward()

    assert logits.grad is not None
    assert (logits.grad[0, 1] == 0).all() and logits.grad[0, 0, 5] == 0
    assert logits.grad[0, 0, 0].item() == pytest.approx(-2 / 6 * 0.5)
