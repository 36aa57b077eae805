"""The learning rates of the reference, and of one cycle."""

import pytest
import torch

from ich_resources.training.schedule import is_validated, one_cycle_rate, rate_at, reference_rate


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        (0, 5e-4),
        (10, 5e-4),
        (11, 4.5321e-4),
        (12, 3.3071e-4),
        (13, 1.7929e-4),
        (14, 5.6791e-5),
        (15, 5e-4),
        (79, 5.6791e-5),
    ],
)
def test_the_rate_of_an_epoch(epoch, rate):
    assert reference_rate(epoch, 5e-4) == pytest.approx(rate, rel=2e-5)
    for step in (0, 7):
        found = rate_at("reference", 5e-4, epoch=epoch, step=step, steps_per_epoch=8, epochs=80)
        assert found == reference_rate(epoch, 5e-4)


@pytest.mark.parametrize("steps", [20, 97])
def test_one_cycle_is_that_of_torch(steps):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 1e-3, total_steps=steps, cycle_momentum=False
    )
    for step in range(steps):
        (expected,) = cycle.get_last_lr()
        assert one_cycle_rate(step, steps, 1e-3) == pytest.approx(expected, rel=1e-9)
        optimiser.step()
        if step < steps - 1:
            cycle.step()


def test_one_cycle_goes_over_all_epochs():
    rates = [
        rate_at("one_cycle", 1e-3, epoch=epoch, step=step, steps_per_epoch=5, epochs=4)
        for epoch in range(4)
        for step in range(5)
    ]
    assert rates == [one_cycle_rate(step, 20, 1e-3) for step in range(20)]
    assert max(rates) == rates[5] == 1e-3  # step 30 % of 20, less one
    assert rates[-1] == pytest.approx(4e-9)


def test_validated_epochs():
    assert [e for e in range(12) if is_validated(e, 12)] == [0, 4, 9, 11]
    assert [e for e in range(80) if is_validated(e, 80)] == [0, *range(4, 80, 5)]
    assert is_validated(0, 1)
