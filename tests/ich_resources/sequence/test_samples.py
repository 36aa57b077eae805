import numpy as np
import pytest
from sequence_task import make_series

from ich_resources.errors import IchError
from ich_resources.sequence.recipe import SequenceRecipe
from ich_resources.sequence.samples import (
    Part,
    ScoredSeries,
    draw_part,
    epoch_batches,
    make_sample,
    turned,
)


def _series(length: int) -> ScoredSeries:
    """Slice i has the label, the feature and the probability of i; positions are i squared."""
    rows = np.arange(length)
    return ScoredSeries(
        (np.repeat(rows[:, None], 5, 1).astype(np.float16),),
        np.repeat(rows[:, None] / 100, 6, 1).astype(np.float32)[None],
        rows.astype(np.float64) ** 2,
        np.zeros((length, 6), np.float32),
    )


def _rows(sample: object) -> list[int]:
    return sample.features[:, 0, 0].astype(int).tolist()  # type: ignore[attr-defined]


def test_parts_are_thinned_windowed_and_turned_with_the_probabilities_of_the_reference() -> None:
    random = np.random.default_rng(0)
    parts = [draw_part(33, random) for _ in range(4000)]

    thinned = [part for part in parts if part.step == 2]
    assert 0.47 < len(thinned) / 4000 < 0.53
    assert 0.45 < np.mean([part.first for part in thinned]) < 0.55
    assert {part.length for part in thinned} == {16, 17}
    whole = [part for part in parts if part.step == 1]
    assert {part.length for part in whole} == {24}
    assert {part.window.start for part in whole} == set(range(10))
    assert 0.47 < np.mean([part.backwards for part in parts]) < 0.53


def test_ten_slices_are_never_thinned() -> None:
    random = np.random.default_rng(0)

    assert {draw_part(10, random).length for _ in range(200)} == {10}
    assert {draw_part(11, random).length for _ in range(200)} == {5, 6, 11}
    assert {draw_part(1, random).length for _ in range(20)} == {1}


def test_distances_are_taken_after_thinning_and_before_the_window() -> None:
    sample = make_sample(_series(11), Part(1, 2, slice(1, 4), False))

    assert _rows(sample) == [3, 5, 7]
    assert sample.channels[:, 0, -1].tolist() == [25 - 9, 49 - 25, 81 - 49]


def test_a_turned_sample_keeps_the_sign_of_its_distances_and_turned_twice_is_itself() -> None:
    sample = make_sample(_series(5))
    back = turned(sample)

    assert _rows(back) == [4, 3, 2, 1, 0]
    assert back.channels[:, 2, -1].tolist() == [7, 7, 5, 3, 1]
    for once, twice in zip(sample, turned(back), strict=True):
        assert np.array_equal(once, twice)
    part = Part(0, 1, slice(0, 5), True)
    assert np.array_equal(make_sample(_series(5), part).channels, back.channels)


def test_batches_of_equal_length_hold_each_series_once_and_nothing_else() -> None:
    series = [_series(length) for length in [8, 9, 10] * 4]
    recipe = SequenceRecipe(0, batch_size=3)

    shapes = [batch.features.shape[:2] for batch in epoch_batches(series, recipe, 0)]

    # Four series of each length: three, and one alone, which batch norm cannot take.
    assert sorted(shapes) == [(3, 8), (3, 9), (3, 10)]


def test_a_last_batch_of_two_is_kept() -> None:
    recipe = SequenceRecipe(0, batch_size=3)

    batches = list(epoch_batches([_series(7)] * 5, recipe, 0))

    assert sorted(len(batch.labels) for batch in batches) == [2, 3]


def test_zeros_fill_a_batch_up_to_24_slices() -> None:
    series = [_series(length) for length in (5, 9)]

    (batch,) = epoch_batches(series, SequenceRecipe(0, batch_size=2, padding="zeros"), 0)

    assert batch.features.shape == (2, 24, 1, 2048)
    assert batch.channels.shape == (2, 24, 6, 4) and batch.labels.shape == (2, 24, 6)
    filled = (batch.channels != 0).any((2, 3)).sum(1).tolist()
    assert sorted(filled) == [5, 9]
    assert (batch.labels[:, 9:] == 0).all()


def test_an_epoch_depends_on_seed_fold_and_number_alone() -> None:
    series = make_series(12, 0)

    def first(seed: int = 1, fold: int = 0, epoch: int = 0) -> list[float]:
        recipe = SequenceRecipe(fold, batch_size=2, seed=seed)
        return [batch.channels.sum() for batch in epoch_batches(series, recipe, epoch)]

    assert first() == first()
    assert len({tuple(first(*changed)) for changed in [(1,), (2,), (1, 1), (1, 0, 1)]}) == 4


def test_fewer_series_than_a_batch_are_an_error_with_the_remedy() -> None:
    with pytest.raises(IchError, match="3 series are fewer than one batch of 128 -> set sequence"):
        list(epoch_batches([_series(5)] * 3, SequenceRecipe(0), 0))
