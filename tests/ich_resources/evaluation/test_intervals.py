"""Intervals against values that were worked out by hand."""

import math

import numpy as np
import pytest

from ich_resources.evaluation.bootstrap import draw_statistics
from ich_resources.evaluation.cases import Cases
from ich_resources.evaluation.intervals import delong, delong_variance, percentile, wilson
from ich_resources.metric import weighted_log_loss

LABELS = np.array([1.0, 1, 1, 0, 0, 0])
P = np.array([0.8, 0.6, 0.4, 0.7, 0.3, 0.2])


def _cases(rows: int, per_patient: int) -> Cases:
    random = np.random.default_rng(3)
    labels = (random.random((rows, 6)) < 0.4).astype(np.float64)
    p = np.clip(0.3 * labels + random.random((rows, 6)) * 0.6, 0, 1)
    names = tuple(str(i) for i in range(rows))
    patients = tuple(str(i // per_patient) for i in range(rows))
    return Cases("slice", names, labels, p, patients, names, names)


def test_delong():
    assert delong_variance(LABELS, P) == pytest.approx((1 / 27, 4 / 27))
    error = math.sqrt(sum(delong_variance(LABELS, P)) / 3)  # three of each kind
    assert error == pytest.approx(0.248452, abs=5e-7)
    interval = delong(LABELS, P)
    assert interval.low == pytest.approx(0.1730, abs=5e-5)
    assert interval.high == pytest.approx(0.9832, abs=5e-5)


def test_perfect_order_has_no_delong_interval():
    assert delong(LABELS, LABELS * 0.5 + 0.2) is None
    assert delong(LABELS[:4], P[:4]) is None  # one negative


def test_wilson():
    found = wilson(8, 10)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=5e-5)
    assert wilson(0, 0).value is None


def test_the_bootstrap_draws_whole_patients():
    each, groups = _cases(60, 1), _cases(60, 10)
    alone, together = draw_statistics(each, 400, 1), draw_statistics(groups, 400, 1)
    np.testing.assert_array_equal(draw_statistics(each, 400, 1).auc, alone.auc)
    assert len(np.unique(together.loss)) <= 462  # 6 patients: 11 choose 6 samples
    assert alone.loss.mean() == pytest.approx(
        weighted_log_loss(each.labels, each.probabilities), rel=0.03
    )
    interval = percentile(alone.auc[:, 0])
    assert interval.low < np.nanmedian(alone.auc[:, 0]) < interval.high


def test_draws_without_spread_or_mostly_without_value_give_no_interval():
    assert percentile(np.full(10, 1.0)) is None
    assert percentile(np.array([0.1, 0.2, np.nan, np.nan, np.nan])) is None
