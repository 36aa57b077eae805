"""What the networks say has the right shape, or is not said."""

import numpy as np
import pytest

from ich_resources.findings import FoldProbabilities, SliceSaliency
from ich_resources.series_images import SeriesImages


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_probabilities_of_two_folds(edge):
    values = np.full((2, 3, 6), edge, np.float32)
    found = FoldProbabilities("b", ("0.pth", "1.pth"), values)
    assert found.probabilities is values


@pytest.mark.parametrize("shape", [(3, 6), (1, 3, 6), (2, 3, 5), (2, 3, 6, 1), (0, 3, 6)])
def test_probabilities_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"b: shape .* is not \(folds, slices, classes\)"):
        FoldProbabilities("b", ("0.pth", "1.pth"), np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [-1e-6, 1.001, np.nan, np.inf])
def test_values_that_are_no_probability(value):
    values = np.full((1, 3, 6), 0.5, np.float32)
    values[0, 2, 5] = value
    with pytest.raises(ValueError, match=r"b: values outside \[0, 1\] or not finite"):
        FoldProbabilities("b", ("0.pth",), values)


@pytest.mark.parametrize("top", [0, 3, 5])
def test_model_class_is_the_highest_combined(top):
    combined = np.full(6, 0.1, np.float32)
    combined[top] = 0.2
    found = SliceSaliency(np.zeros((2, 2), np.float32), 0.0, 1, combined)
    assert found.model_class == top
    assert found.target_class == 1


def test_a_crop_per_slice():
    crops = np.zeros((2, 512, 512), np.uint8)
    assert SeriesImages(("1", "2"), crops).crops is crops


@pytest.mark.parametrize(
    ("uids", "shape"),
    [(("1",), (2, 4, 4)), ((), (1, 4, 4)), (("1", "2"), (2, 4)), (("1",), (1, 4, 4, 3))],
)
def test_crops_that_do_not_fit_their_slices(uids, shape):
    with pytest.raises(ValueError, match=f"{len(uids)} slices"):
        SeriesImages(uids, np.zeros(shape, np.uint8))
