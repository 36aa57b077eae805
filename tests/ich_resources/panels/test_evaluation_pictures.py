"""The pictures of an evaluation: sizes, both themes, too few cases, and nothing cut off."""

import cv2
import numpy as np
import pytest

from ich_resources.hemorrhage import CLASSES
from ich_resources.panels.chart import theme
from ich_resources.panels.confusion import draw_confusion
from ich_resources.panels.reliability import ReliabilityBins, draw_reliability
from ich_resources.panels.roc import RocCurve, draw_roc

NOTE = "UNTRAINED STAND-IN WEIGHTS: these numbers mean nothing Research use only."
LEGEND = "AUC 0.93 (0.88–0.97), 1234 of 56789"


def _decode(png: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image[..., ::-1].astype(int)


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])


def _roc(dark: bool) -> bytes:
    curves = [RocCurve(name, (0, 0.1, 1), (0, 0.8, 1), LEGEND) for name in CLASSES[:-1]]
    curves.append(RocCurve(CLASSES[-1], (), (), "– (1 of 150 with bleed: too few)"))
    return draw_roc(curves, (0.1, 0.8), "By series: 150 series", NOTE, dark=dark)


def _reliability(dark: bool) -> bytes:
    full = [
        ReliabilityBins(n, [0.1, 0.9], [0, 1.0], [0, 0.7], [0.3, 1.0], "ECE 0.1, slope –")
        for n in CLASSES[:-1]
    ]
    empty = ReliabilityBins(CLASSES[-1], [], [], [], [], "ECE –")
    return draw_reliability([*full, empty], NOTE, dark=dark)


def _confusion(dark: bool) -> bytes:
    return draw_confusion((1234, 5, 67, 89012), [[0] * 5] * 5, CLASSES[1:], NOTE, dark=dark)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("draw", "shape"),
    [(_roc, (860, 1400, 3)), (_reliability, (1112, 1440, 3)), (_confusion, (800, 1520, 3))],
)
def test_pictures_have_their_size_and_an_empty_border(draw, shape, dark):
    image = _decode(draw(dark))
    assert image.shape == shape
    paper = _rgb(theme(dark).paper)
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert (abs(border - paper) <= 2).all()  # nothing is cut off at an edge
    assert (abs(image - paper).max(axis=-1) > 40).mean() > 0.01


def test_counts_stand_in_colours_by_their_share():
    image = _decode(draw_confusion((90, 10, 0, 100), [[0] * 5] * 5, CLASSES[1:], "", dark=False))
    strong, weak = image[140:150, 200:210], image[140:150, 390:400]
    assert strong.mean() < weak.mean() - 60


def test_without_a_threshold_the_other_table_stays():
    image = _decode(draw_confusion(None, [[3] * 5] * 5, CLASSES[1:], "", dark=False))
    assert (image[:, 860:] < 200).any()
