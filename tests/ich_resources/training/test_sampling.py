"""Weights of centres, neighbours, order: counted by hand."""

from pathlib import Path

import numpy as np
import pytest

from ich_resources.backbones.table import BACKBONES
from ich_resources.training.recipe import Recipe
from ich_resources.training.sampling import (
    batch_positions,
    centre_weights,
    draw_centre,
    epoch_order,
    neighbours,
)
from ich_resources.training.slices import TrainingSlices

RECIPE = Recipe.for_fold(BACKBONES["DenseNet121_change_avg"], 0)


def slices_of(*lengths: int, unlabelled: tuple[int, ...] = ()) -> TrainingSlices:
    groups = [f"g{number}" for number, length in enumerate(lengths) for _ in range(length)]
    names = tuple(f"s{row}" for row in range(len(groups)))
    labels = np.zeros((len(groups), 6), np.float32)
    labels[list(unlabelled)] = np.nan
    return TrainingSlices(names, tuple(groups), tuple(map(Path, names)), labels)


def test_the_weights_of_the_reference():
    assert centre_weights(2, last_slice=False).tolist() == [1]
    assert centre_weights(17, last_slice=False).tolist() == [1] * 8 + [2] + [1] * 7
    weights = centre_weights(33, last_slice=False)
    runs = [1] * 8 + [2] * 4 + [3] * 4 + [4] + [3] * 4 + [2] * 4 + [1] * 7
    assert weights.tolist() == runs
    assert (weights.sum(), weights.max(), weights.argmax()) == (59, 4, 16)
    assert len(centre_weights(1, last_slice=False)) == 0


@pytest.mark.parametrize("slices", [1, 2, 17, 32, 33, 60])
def test_ours_takes_the_last_slice_too(slices):
    weights = centre_weights(slices)
    assert len(weights) == slices
    assert weights.min() >= 1
    # as the reference does with a series that is one slice longer
    assert weights.tolist() == centre_weights(slices + 1, last_slice=False).tolist()


def test_the_triplets_of_three_slices():
    rows = range(3)
    triplets = [neighbours(row, rows, "adjacent") for row in rows]
    assert triplets == [(1, 0, 0), (2, 1, 0), (2, 2, 1)]
    assert neighbours(1, rows, "replicated") == (1, 1, 1)


def test_neighbours_never_come_from_another_series():
    assert neighbours(4, range(3, 5), "adjacent") == (4, 4, 3)
    assert neighbours(3, range(3, 5), "adjacent") == (4, 3, 3)
    assert neighbours(7, range(7, 8), "adjacent") == (7, 7, 7)


def test_an_epoch_visits_every_series_four_times_in_another_order():
    slices = slices_of(3, 5, 1, 9)
    orders = [epoch_order(slices, RECIPE, epoch) for epoch in (0, 1, 0)]
    for order in orders:
        assert sorted(rows.start for rows in order) == sorted([0, 3, 8, 9] * 4)
    assert orders[0] == orders[2] != orders[1]


def test_as_the_reference_a_series_of_one_slice_has_no_centre():
    recipe = Recipe.for_fold(BACKBONES["DenseNet121_change_avg"], 0, last_slice=False)
    order = epoch_order(slices_of(3, 1), recipe, 0)
    assert order == [range(3)] * 4
    rng = np.random.default_rng(0)
    drawn = {draw_centre(slices_of(3, 1), range(3), rng, last_slice=False) for _ in range(100)}
    assert drawn == {0, 1}


def test_a_slice_without_labels_is_never_a_centre():
    slices = slices_of(4, 2, unlabelled=(1, 4, 5))
    assert epoch_order(slices, RECIPE, 0) == [range(4)] * 4
    rng = np.random.default_rng(0)
    drawn = {draw_centre(slices, range(4), rng, last_slice=True) for _ in range(100)}
    assert drawn == {0, 2, 3}


def test_centres_are_drawn_by_their_weights():
    slices, rng = slices_of(33), np.random.default_rng(0)
    drawn = [draw_centre(slices, range(33), rng, last_slice=False) for _ in range(20_000)]
    counts = np.bincount(drawn, minlength=33)
    expected = np.append(centre_weights(33, last_slice=False) / 59, 0) * 20_000
    assert counts[32] == 0
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected.max())


def test_a_last_batch_is_kept_from_two_samples_on():
    assert batch_positions(9, 4) == [range(4), range(4, 8)]
    assert batch_positions(10, 4) == [range(4), range(4, 8), range(8, 10)]
    assert batch_positions(8, 4) == [range(4), range(4, 8)]
