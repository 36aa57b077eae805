"""Calibrated probabilities are those of the formula, and nothing else is a calibration."""

import numpy as np
import pytest

from ich_resources.hemorrhage import CLASSES
from ich_resources.judged import Calibration, Threshold, digest_of

MADE_FOR = {"DenseNet121_change_avg": ("0" * 64, "1" * 64)}


def _temperature(**by_class: float) -> Calibration:
    shapes = {name: {"temperature": value} for name, value in by_class.items()}
    return Calibration("temperature", shapes, MADE_FOR, {})


def _isotonic(x: list[float], y: list[float]) -> Calibration:
    return Calibration("isotonic", {"any": {"x": x, "y": y}}, MADE_FOR, {})


def _column(calibration: Calibration, values: list[float], name: str = "any") -> list[float]:
    p = np.full((len(values), 6), 0.5, np.float32)
    p[:, CLASSES.index(name)] = values
    found = calibration.apply(p)
    assert found.dtype == np.float32 and found.shape == p.shape
    others = [i for i in range(6) if CLASSES[i] not in calibration.classes]
    assert np.array_equal(found[:, others], p[:, others])
    return found[:, CLASSES.index(name)].tolist()


def test_temperature_by_hand():
    """Odds to the power 1 / T: 4 to 1 with T = 2 is 2 to 1; 1 to 4 with T = 0.5 is 1 to 16."""
    found = _column(_temperature(any=2.0), [0.8, 0.2, 0.5, 0.0, 1.0])
    assert found == pytest.approx([2 / 3, 1 / 3, 0.5, 0.0, 1.0], abs=1e-7)
    assert _column(_temperature(subdural=0.5), [0.2], "subdural") == pytest.approx([1 / 17])


def test_a_temperature_of_one_changes_nothing():
    values = np.linspace(0, 1, 101, dtype=np.float32).tolist()
    assert _column(_temperature(any=1.0), values) == pytest.approx(values, abs=1e-7)


def test_temperature_keeps_the_order_and_the_range():
    values = np.linspace(0, 1, 1001).tolist()
    for temperature in (0.01, 0.3, 3.0, 100.0):
        found = np.array(_column(_temperature(any=temperature), values))
        assert (np.diff(found) >= 0).all() and found.min() == 0 and found.max() == 1
    assert (np.diff(_column(_temperature(any=3.0), values)) > 0).all()


def test_isotonic_by_hand():
    """From (0.2, 0) to (0.6, 0.4) the slope is 1, then level to 0.8; the ends are held."""
    calibration = _isotonic([0.2, 0.6, 0.8], [0.0, 0.4, 0.4])
    found = _column(calibration, [0.1, 0.2, 0.5, 0.6, 0.7, 0.9])
    assert found == pytest.approx([0, 0, 0.3, 0.4, 0.4, 0.4], abs=1e-7)


@pytest.mark.parametrize(
    ("kind", "shapes"),
    [
        ("platt", {"any": {"temperature": 1.0}}),
        ("temperature", {}),
        ("temperature", ["any"]),
        ("temperature", {"all": {"temperature": 1.0}}),
        ("temperature", {"any": {"temperature": 0.0}}),
        ("temperature", {"any": {"temperature": float("nan")}}),
        ("temperature", {"any": {"temperature": True}}),
        ("temperature", {"any": {"temperature": 1.0, "x": [0]}}),
        ("temperature", {"any": {"x": [0.0], "y": [0.0]}}),
        ("temperature", {"any": 2.0}),
        ("isotonic", {"any": {"temperature": 1.0}}),
        ("isotonic", {"any": {"x": [], "y": []}}),
        ("isotonic", {"any": {"x": [0.1, 0.1], "y": [0, 1]}}),
        ("isotonic", {"any": {"x": [0.1, 0.2], "y": [1, 0]}}),
        ("isotonic", {"any": {"x": [0.1, 0.2], "y": [0, 1.1]}}),
        ("isotonic", {"any": {"x": [0.1, 0.2], "y": [0]}}),
        ("isotonic", {"any": {"x": [0.1, "0.2"], "y": [0, 1]}}),
    ],
)
def test_what_is_not_a_calibration(kind, shapes):
    with pytest.raises(ValueError, match=r"kind|classes|is not one"):
        Calibration(kind, shapes, MADE_FOR, {})


@pytest.mark.parametrize(
    "fields",
    [
        {"threshold": 1.1},
        {"threshold": True},
        {"threshold": "0.5"},
        {"rule": None},
        {"calibration": "abc"},
        {"checkpoints": {}},
        {"checkpoints": {"a": ("123",)}},
        {"sequence": ("x",)},
        {"level": "patient"},
    ],
)
def test_what_is_not_a_threshold(fields):
    good = {"threshold": 0.5, "rule": "youden", "checkpoints": MADE_FOR, "chosen_on": {}}
    assert Threshold(**good).level == "series"
    with pytest.raises(ValueError, match=r"threshold|rule|calibration|checkpoints|level"):
        Threshold(**good | fields)


def test_every_value_is_in_the_digest():
    first = _temperature(any=2.0)
    assert digest_of(first) == first.sha256 == _temperature(any=2.0).sha256
    assert digest_of(None) is None
    others = [_temperature(any=2.5), _temperature(subdural=2.0), _isotonic([0.5], [0.5])]
    assert len({first.sha256, *(other.sha256 for other in others)}) == 4
