"""ROC and AUC, counted by hand."""

import numpy as np
import pytest

from ich_resources.evaluation.curves import SortedClass, auc, roc

LABELS = np.array([1.0, 1, 1, 0, 0, 0])
P = np.array([0.8, 0.6, 0.4, 0.7, 0.3, 0.2])


def test_auc_is_the_share_of_pairs_in_the_right_order():
    assert auc(LABELS, P) == pytest.approx(7 / 9)


def test_a_tie_counts_half():
    assert auc(np.array([1.0, 1, 0, 0]), np.array([0.5, 0.9, 0.5, 0.1])) == pytest.approx(3.5 / 4)


@pytest.mark.parametrize("labels", [[1.0, 0, 0, 0], [1.0, 1, 1, 0], [0.0, 0, 0, 0], []])
def test_fewer_than_two_of_a_kind_give_nothing_and_never_one_half(labels):
    p = np.linspace(0.1, 0.9, len(labels))
    assert auc(np.array(labels), p) is None
    assert roc(np.array(labels), p) is None


def test_weights_count_as_repeated_cases():
    weights = np.array([2.0, 0, 1, 1, 3, 0])
    repeated = np.repeat(np.arange(6), weights.astype(int))
    expected = auc(LABELS[repeated], P[repeated])
    assert SortedClass(LABELS, P).auc(weights) == pytest.approx(expected)


def test_no_positive_left_in_a_sample_is_not_a_number():
    assert np.isnan(SortedClass(LABELS, P).auc(np.array([0.0, 0, 0, 1, 1, 1])))


def test_the_curve_goes_from_corner_to_corner_and_has_the_area():
    curve = roc(LABELS, P)
    assert (curve.false_positive_rate[0], curve.true_positive_rate[0]) == (0, 0)
    assert (curve.false_positive_rate[-1], curve.true_positive_rate[-1]) == (1, 1)
    area = np.trapezoid(curve.true_positive_rate, curve.false_positive_rate)
    assert area == pytest.approx(7 / 9)
    assert len(curve.thresholds) <= 7
    assert np.isfinite(curve.thresholds).all()
    assert curve.thresholds[0] > P.max()


def test_a_long_curve_is_thinned_and_keeps_its_corners():
    random = np.random.default_rng(2)
    p = random.random(20_000)
    labels = (random.random(20_000) < p).astype(np.float64)
    curve = roc(labels, p)
    assert len(curve.thresholds) == 2000
    assert (curve.false_positive_rate[0], curve.true_positive_rate[-1]) == (0, 1)
    area = np.trapezoid(curve.true_positive_rate, curve.false_positive_rate)
    assert area == pytest.approx(auc(labels, p), abs=1e-3)
