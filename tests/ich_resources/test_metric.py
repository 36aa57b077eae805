import math

import numpy as np
import pytest

from ich_resources.metric import class_log_losses, prevalences, prior_loss, weighted_log_loss

NAN = float("nan")


def test_one_half_everywhere_gives_ln_2() -> None:
    labels = np.array([[1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    assert weighted_log_loss(labels, np.full((2, 6), 0.5)) == pytest.approx(0.693147, abs=5e-7)


def test_one_slice_by_hand() -> None:
    p = [[0.9, 0.1, 0.8, 0.1, 0.1, 0.1]]
    assert weighted_log_loss([[1, 0, 1, 0, 0, 0]], p) == pytest.approx(0.122187, abs=5e-7)


def test_a_certain_miss_is_clipped() -> None:
    loss = weighted_log_loss([[1, 0, 0, 0, 0, 0]], np.zeros((1, 6)))
    assert loss == pytest.approx(9.868222, abs=5e-7)


def test_float32_probabilities_of_one_are_clipped_in_float64() -> None:
    loss = weighted_log_loss([[0, 0, 0, 0, 0, 0]], np.ones((1, 6), np.float32))
    assert loss == pytest.approx(34.5388, abs=0.01)


def test_a_label_that_was_not_read_does_not_count() -> None:
    labels = [[1, NAN, 0, 0, 0, 0], [0, NAN, NAN, 0, 0, 0]]
    p = np.array([[0.5, 0.9, 0.2, 0.5, 0.5, 0.5], [0.5, 0.9, 0.9, 0.5, 0.5, 0.5]])
    losses = class_log_losses(labels, p)
    assert math.isnan(losses[1])
    assert losses[2] == pytest.approx(-math.log(0.8))
    by_hand = (5 * math.log(2) - math.log(0.8)) / 6  # any twice, epidural not at all
    assert weighted_log_loss(labels, p) == pytest.approx(by_hand)


def test_the_prior_is_the_entropy_of_the_prevalences() -> None:
    labels = np.zeros((4, 6))
    labels[0, 0] = 1
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert prevalences(labels).tolist() == [0.25, 0, 0, 0, 0, 0]
    assert prior_loss(labels) == pytest.approx(2 * entropy / 7)
    assert prior_loss(labels, [0.5] * 6) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("labels", "p"),
    [
        (np.zeros((2, 5)), np.zeros((2, 5))),
        (np.zeros((2, 6)), np.zeros((3, 6))),
        (np.full((1, 6), 2), np.zeros((1, 6))),
        (np.zeros((1, 6)), np.full((1, 6), NAN)),
        (np.zeros((1, 6)), np.full((1, 6), 1.1)),
        (np.full((1, 6), NAN), np.zeros((1, 6))),
    ],
)
def test_what_is_not_labels_and_probabilities_is_an_error(labels, p) -> None:
    with pytest.raises(ValueError, match=r"label|probabilit"):
        weighted_log_loss(labels, p)
