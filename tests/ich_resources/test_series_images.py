"""The crops of a series: one for each slice."""

import numpy as np
import pytest

from ich_resources.series_images import SeriesImages


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (2, 8), (2, 8, 8, 1)])
def test_one_crop_per_slice(shape):
    with pytest.raises(ValueError, match="2 slices"):
        SeriesImages(("1.1", "1.2"), np.zeros(shape, np.uint8))


def test_series_images():
    assert SeriesImages(("1.1", "1.2"), np.zeros((2, 8, 8), np.uint8)).crops.shape == (2, 8, 8)
