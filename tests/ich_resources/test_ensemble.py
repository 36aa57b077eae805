"""Mean over folds, then over backbones: a backbone with more folds does not weigh more."""

import numpy as np
import pytest

from ich_resources.ensemble import mean_over_backbones, mean_over_folds
from ich_resources.errors import InferenceError
from ich_resources.findings import FoldProbabilities


def _backbone(name, *folds, slices=2):
    """Folds that answer one value for everything, but twice as much for class 1 of slice 0."""
    p = np.empty((len(folds), slices, 6), np.float32)
    p[:] = np.array(folds, np.float32)[:, None, None]
    p[:, 0, 1] *= 2
    return FoldProbabilities(name, tuple(f"fold_{k}" for k in range(len(folds))), p)


def test_mean_over_folds():
    mean = mean_over_folds(_backbone("a", 0.1, 0.2, 0.45))
    assert mean.dtype == np.float32 and mean.shape == (2, 6)
    np.testing.assert_allclose(mean[1], 0.25, rtol=1e-6)
    np.testing.assert_allclose(mean[0], [0.25, 0.5, 0.25, 0.25, 0.25, 0.25], rtol=1e-6)


def test_backbones_weigh_the_same_whatever_their_folds():
    # (0.2 + 0.3 + 0.1) / 3 = 0.2 and 0.4: 0.3; the mean of all four folds would be 0.25
    mean = mean_over_backbones([_backbone("a", 0.2, 0.3, 0.1), _backbone("b", 0.4)])
    assert mean.dtype == np.float32 and mean.shape == (2, 6)
    np.testing.assert_allclose(mean[1], 0.3, rtol=1e-6)
    np.testing.assert_allclose(mean[0], [0.3, 0.6, 0.3, 0.3, 0.3, 0.3], rtol=1e-6)


def test_order_of_backbones_does_not_matter():
    a, b, c = _backbone("a", 0.5, 0.25), _backbone("b", 0.125), _backbone("c", 0.375)
    assert np.array_equal(mean_over_backbones([a, b, c]), mean_over_backbones([c, a, b]))


def test_one_backbone_is_its_own_ensemble():
    a = _backbone("a", 0.1, 0.3)
    assert np.array_equal(mean_over_backbones([a]), mean_over_folds(a))


def test_different_numbers_of_slices():
    with pytest.raises(InferenceError, match=r"\{'a': 2, 'b': 3\}.*again"):
        mean_over_backbones([_backbone("a", 0.1), _backbone("b", 0.1, slices=3)])


def test_no_backbone():
    with pytest.raises(InferenceError, match="choose at least one"):
        mean_over_backbones([])
