"""The curves of a series: each point of the SVG is the probability, and text is only text."""

import re
from xml.etree import ElementTree as Xml

import numpy as np
import pytest

from ich_resources.hemorrhage import CLASSES
from ich_resources.panels import curves, style
from ich_resources.panels.curves import draw_probability_curves
from ich_resources.worth import BANNERS

SVG = "{http://www.w3.org/2000/svg}"


def _probabilities(count: int) -> np.ndarray:
    return np.random.default_rng(count).random((count, 6), dtype=np.float32)


def _points(path: str) -> np.ndarray:
    """Absolute points of a path that moves once and then draws relative lines."""
    numbers = np.array(re.findall(r"[+-]?\d+", path), float).reshape(-1, 2)
    assert re.fullmatch(r"M\d+ \d+(l\d+[+-]\d+)*", path)
    return np.cumsum(numbers, 0)


@pytest.mark.parametrize("count", [1, 2, 28, 1200])
def test_every_curve_is_at_its_height_and_ends_at_the_last_slice(count):
    probabilities = _probabilities(count)
    picture = Xml.fromstring(draw_probability_curves(probabilities, ""))
    lines = [p for p in picture.iter(f"{SVG}path") if p.get("stroke-width") in ("6.4", "2.8")]
    assert [line.get("stroke") for line in lines] == list(style.CLASS_COLOURS)
    for c, line in enumerate(lines):
        points = _points(line.get("d"))
        shown = 1 - points[:, 1] / (curves.RISE * curves.FINE)
        np.testing.assert_allclose(shown, probabilities[:, c], atol=0.5 / 420 + 1e-6)
        assert points[-1, 0] == (1004 if count > 1 else 502)
    assert len(list(picture.iter(f"{SVG}circle"))) == (6 * count if count < 5 else 0)


def test_it_is_small_and_always_the_same():
    assert len(draw_probability_curves(_probabilities(30), BANNERS["nothing"])) <= 3_600
    assert len(draw_probability_curves(_probabilities(300), "")) <= 20_000
    again = draw_probability_curves(_probabilities(30), "")
    assert again == draw_probability_curves(_probabilities(30), "")


@pytest.mark.parametrize(("count", "step"), [(1, 1), (10, 1), (11, 2), (28, 5), (300, 50)])
def test_at_most_ten_slices_are_named(count, step):
    picture = Xml.fromstring(draw_probability_curves(_probabilities(count), ""))
    texts = [t.text for t in picture.iter(f"{SVG}tspan") if t.get("y") == "272"]
    assert texts == [str(i) for i in range(1, count + 1, step)]


@pytest.mark.parametrize("warning", ["", BANNERS["nothing"], 'a < "b" & c'])
def test_banner_and_legend(warning):
    picture = Xml.fromstring(draw_probability_curves(_probabilities(3), warning))
    texts = [text.text for text in picture.iter()]
    assert set(texts) >= {*CLASSES, style.FOOTER}
    assert (warning in texts) == bool(warning)
    assert picture.get("height") == ("328" if warning else "300")


def test_bad_input():
    for wrong, words in (
        (np.zeros((0, 6)), "no slice"),
        (np.zeros((3, 5)), "shape"),
        (np.full((3, 6), np.nan), "outside"),
    ):
        with pytest.raises(ValueError, match=words):
            draw_probability_curves(wrong.astype(np.float32), "")
