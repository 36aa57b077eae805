"""Reliability, ECE, slope, temperature and isotonic regression."""

import math

import numpy as np
import pytest

from ich_resources.errors import IchError
from ich_resources.evaluation.calibration import (
    expected_calibration_error,
    fit,
    fit_isotonic,
    fit_temperature,
    reliability,
    slope_and_intercept,
)
from ich_resources.evaluation.cases import Cases
from ich_resources.judged import Calibration

Y = np.array([0.0, 1, 1, 1])
P = np.array([0.1, 0.1, 0.9, 0.9])


def _told(temperature: float, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from p, and p made too extreme by a factor on the logit."""
    random = np.random.default_rng(5)
    logit = random.normal(0, 1.5, count)
    labels = (random.random(count) < 1 / (1 + np.exp(-logit))).astype(np.float64)
    return labels, 1 / (1 + np.exp(-logit * temperature))


def test_ece_and_brier_by_hand():
    bins = reliability(Y, P, 2)
    assert [(b.mean, b.positives.hits, b.positives.of) for b in bins] == [
        (pytest.approx(0.1), 1, 2),
        (pytest.approx(0.9), 2, 2),
    ]
    assert expected_calibration_error(bins) == pytest.approx(0.25)
    assert np.mean((P - Y) ** 2) == pytest.approx(0.21)


def test_equal_probabilities_stay_in_one_bin_in_any_order():
    p = np.array([0.2] * 7 + [0.8] * 3)
    y = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 0.0])
    shuffled = np.random.default_rng(0).permutation(10)
    assert reliability(y, p) == reliability(y[shuffled], p[shuffled])
    assert [b.positives.of for b in reliability(y, p)] == [7, 3]
    assert reliability(np.empty(0), np.empty(0)) == ()


def test_slope_and_intercept_find_what_was_put_in():
    labels, p = _told(2.0)
    slope, intercept = slope_and_intercept(labels, p)
    assert slope == pytest.approx(0.5, abs=0.02)
    assert intercept == pytest.approx(0.0, abs=0.05)
    assert slope_and_intercept(np.array([0.0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])) is None


def test_temperature_finds_what_was_put_in():
    labels, p = _told(2.0)
    assert fit_temperature(labels, p) == pytest.approx(2.0, rel=0.04)


def test_isotonic_rises_and_is_never_certain():
    labels, p = _told(2.0, 300)
    x, y = fit_isotonic(labels, p)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()
    assert y.min() >= 1 / 600 and y.max() <= 1 - 1 / 600


@pytest.mark.parametrize("kind", ["temperature", "isotonic"])
def test_a_fit_is_a_calibration_that_lowers_the_loss(kind):
    labels, p = _told(3.0, 4000)
    both = np.column_stack([labels] * 5 + [np.zeros(4000)])
    names = tuple(map(str, range(4000)))
    probabilities = np.column_stack([p] * 6)
    cases = Cases("slice", names, both, probabilities, names, names, names)
    classes = fit(cases, kind)
    assert set(classes) == {
        "any",
        "epidural",
        "intraparenchymal",
        "intraventricular",
        "subarachnoid",
    }  # subdural has no positive
    applied = Calibration(kind, classes, {"b": ("0" * 64,)}, {}).apply(probabilities)[:, 0]
    assert _loss(labels, applied) < _loss(labels, p) - 0.05


def _loss(labels: np.ndarray, p: np.ndarray) -> float:
    p = np.clip(p.astype(np.float64), 1e-15, 1 - 1e-15)
    return float(-(labels * np.log(p) + (1 - labels) * np.log1p(-p)).mean())


def test_nothing_to_fit_is_an_error_with_a_remedy():
    names = ("a", "b", "c")
    cases = Cases("slice", names, np.zeros((3, 6)), np.full((3, 6), 0.5), names, names, names)
    with pytest.raises(IchError, match="two positives"):
        fit(cases, "temperature")


def test_a_probability_of_one_is_not_infinitely_sure():
    labels, p = np.array([1.0, 1, 0, 0, 1]), np.array([1.0, 0.9, 0.0, 0.2, 0.0])
    assert math.isfinite(fit_temperature(labels, p))
