"""Shares of the pixels of a series."""

import numpy as np

from ich_resources.dicom.plausibility import fault
from ich_resources.dicom.shares import background, count_values


def test_counts_leave_padding_out_and_clip_at_the_ends():
    hu = np.array([[-40_000.0, 0.4], [200_000.0, 7.0]])
    counts = count_values(hu, np.array([[False, False], [False, True]]))
    assert counts.sum() == 3
    assert (counts[0], counts[-1], counts[32768]) == (1, 1, 1)


def test_background_stands_alone():
    air = count_values(np.round(-1000 + np.random.default_rng(0).standard_normal(10_000)))
    assert background(air) is None
    assert background(count_values(np.repeat([-1000.0, 30, 40], [500, 20, 20]))) == -1000
    assert "near air" in fault(count_values(np.linspace(0, 80, 1000)))
