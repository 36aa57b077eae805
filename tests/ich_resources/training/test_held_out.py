"""Losses and areas under the curve of the held-out slices; the table of epochs."""

import math

import numpy as np
import pytest

from ich_resources.training.held_out import auc, judge
from ich_resources.training.log_table import COLUMNS, log_csv
from ich_resources.training.results import EpochResult

NAN = float("nan")


def test_the_auc_of_six():
    labels = np.array([1, 1, 1, 0, 0, 0, NAN])
    scores = np.array([0.8, 0.6, 0.4, 0.7, 0.3, 0.2, 0.9])
    assert auc(labels, scores) == pytest.approx(7 / 9)
    assert auc(labels, np.full(7, 0.5)) == 0.5
    assert auc(labels, 1 - scores) == pytest.approx(2 / 9)


@pytest.mark.parametrize("labels", [[1, 0, 0, 0], [1, 1, 1, 0], [NAN, 1, 0, 0]])
def test_no_auc_with_fewer_than_two_positives_or_negatives(labels):
    assert auc(np.array(labels), np.array([0.1, 0.2, 0.3, 0.4])) is None


def test_the_losses():
    labels = np.array([[1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, NAN]], np.float32)
    probabilities = np.array([[0.9, 0.1, 0.8, 0.1, 0.1, 0.1], [0.5] * 6], np.float32)
    judged = judge(labels, probabilities)
    good, half = -math.log(0.9), math.log(2)
    assert judged["losses"][0] == pytest.approx((good + half) / 2)
    assert judged["losses"][5] == pytest.approx(good)
    plain = (5 * good - math.log(0.8) + 5 * half) / 11
    assert judged["validation_loss"] == pytest.approx(plain)
    assert judged["aucs"] == (None,) * 6


def test_the_table_of_epochs():
    history = [
        EpochResult(0, 5e-4, 12.34, 0.5, 0.4, 0.45, (0.1, 0.2, 0.3, 0.4, 0.5, None), (0.9,) * 6),
        EpochResult(1, 4.5321e-4, 11.0, 0.3),
    ]
    lines = log_csv(history).decode().splitlines()
    assert lines[0].split(",") == list(COLUMNS)
    first, second = (line.split(",") for line in lines[1:])
    assert first[:5] == ["0", "0.0005", "12.3", "0.500000", "0.400000"]
    assert first[-3:] == ["", "0.300000", "0.450000"]
    assert second == ["1", "0.00045321", "11.0", "0.300000", *[""] * 15]
