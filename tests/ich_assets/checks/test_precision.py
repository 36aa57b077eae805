"""Which slices are scored again in float32, and how a change is measured."""

import numpy as np
import pytest

from ich_assets.checks.precision import logits, sampled_slices


def _any(values):
    probabilities = np.zeros((len(values), 6), np.float32)
    probabilities[:, 0] = values
    return probabilities


def test_slices_near_a_half_and_slices_that_lie_apart():
    values = np.full(28, 0.01)
    values[[3, 4, 20]] = 0.45, 0.6, 0.52
    assert sampled_slices(_any(values)) == [3, 4, 7, 14, 20]  # 20 is both


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_a_short_series_has_each_slice_at_most_once(slices):
    sample = sampled_slices(_any(np.linspace(0.1, 0.4, slices)))
    assert sample == list(range(slices))


def test_logits():
    found = logits(np.array([0.5, 0.75, 0.0, 1.0], np.float32))
    assert found == pytest.approx([0, np.log(3), -13.8155, 13.8155], abs=1e-3)
