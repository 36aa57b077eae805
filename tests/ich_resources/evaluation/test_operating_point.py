"""Thresholds, predictive values, halves of the patients."""

import numpy as np
import pytest

from ich_resources.errors import IchError
from ich_resources.evaluation.cases import Cases
from ich_resources.evaluation.operating_point import (
    choose_threshold,
    first_half,
    operating_point,
    predictive_values,
    shift_prevalence,
)

Y = np.array([1.0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
P = np.array([0.9, 0.8, 0.6, 0.3, 0.7, 0.4, 0.2, 0.2, 0.1, 0.1])


def _cases(labels: np.ndarray = Y, p: np.ndarray = P) -> Cases:
    names = tuple(f"s{i}" for i in range(len(p)))
    full = np.full((len(p), 6), np.nan)
    full[:, 0] = labels
    return Cases("series", names, full, np.repeat(p[:, None], 6, axis=1), names, names, names)


def test_predictive_values_at_local_prevalence():
    ppv, npv = predictive_values(0.9, 0.8, 0.1)
    assert ppv == pytest.approx(1 / 3)
    assert npv == pytest.approx(0.986301, abs=5e-7)
    assert predictive_values(0.0, 1.0, 0.1) == (None, pytest.approx(0.9))


def test_prevalence_shift():
    assert shift_prevalence(np.array([0.5]), 0.4, 0.1)[0] == pytest.approx(1 / 7)
    np.testing.assert_allclose(shift_prevalence(np.array([0, 0.3, 1.0]), 0.2, 0.2), [0, 0.3, 1])
    with pytest.raises(ValueError, match="not between"):
        shift_prevalence(np.array([0.5]), 0.0, 0.1)


@pytest.mark.parametrize(
    ("sensitivity", "threshold"), [(1.0, 0.3), (0.95, 0.3), (0.75, 0.6), (0.5, 0.8), (0.01, 0.9)]
)
def test_the_fewest_are_flagged_at_the_wanted_sensitivity(sensitivity, threshold):
    assert choose_threshold(Y, P, "sensitivity", sensitivity) == threshold


def test_youden_by_hand():
    # At 0.6: 3 of 4 and 5 of 6; at 0.3: 4 of 4 and 4 of 6; at 0.8: 2 of 4 and 6 of 6.
    assert choose_threshold(Y, P, "youden", 0.95) == 0.3
    # Of equals the lower threshold: at 0.2 and at 0.8 one half more than chance.
    labels, p = np.array([1.0, 1, 0, 0]), np.array([0.8, 0.2, 0.3, 0.1])
    assert choose_threshold(labels, p, "youden", 0.95) == 0.2


def test_a_threshold_needs_bleeds():
    with pytest.raises(IchError, match="no labelled bleed"):
        choose_threshold(np.zeros(3), np.array([0.1, 0.2, 0.3]), "sensitivity", 0.95)


def test_counts_at_a_threshold_include_those_on_it():
    point = operating_point(_cases(), 0.4, prevalence=0.1)
    counts = (
        point.true_positives,
        point.false_negatives,
        point.false_positives,
        point.true_negatives,
    )
    assert counts == (3, 1, 2, 4)
    assert point.sensitivity.value == 0.75
    ppv = 0.75 * 0.1 / (0.75 * 0.1 + (1 / 3) * 0.9)
    assert point.ppv == pytest.approx(ppv)
    assert point.flagged_per_100 == pytest.approx(100 * (0.075 + 0.3))
    at_home = operating_point(_cases(), 0.4)
    assert at_home.prevalence == 0.4 and at_home.ppv == pytest.approx(3 / 5)


def test_unread_cases_do_not_count():
    labels = Y.copy()
    labels[[0, 4]] = np.nan
    point = operating_point(_cases(labels), 0.4)
    assert (point.true_positives, point.false_positives) == (2, 1)


def test_halves_are_of_patients_and_both_have_bleeds():
    count = 40
    labels = np.full((count, 6), np.nan)
    labels[:, 0] = np.arange(count) % 10 == 0  # four bleeding cases of four patients
    names = tuple(map(str, range(count)))
    patients = tuple(str(i // 2) for i in range(count))
    cases = Cases("series", names, labels, np.full((count, 6), 0.5), patients, names, names)
    first = first_half(cases, 7)
    assert first.sum() == 20
    assert (labels[first, 0] == 1).sum() == 2
    pairs = set(zip(patients, first.tolist(), strict=True))
    assert len(pairs) == 20  # no patient in both
    np.testing.assert_array_equal(first, first_half(cases, 7))
    assert (first != first_half(cases, 8)).any()
