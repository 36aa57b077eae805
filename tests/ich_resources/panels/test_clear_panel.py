"""The panel of the preset ``clear``: what it says, and when a bar is marked."""

from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from ich_resources.hemorrhage import CLASSES
from ich_resources.panels import style
from ich_resources.panels.caption import Caption, Clear
from ich_resources.panels.clear_panel import ClearPainter
from ich_resources.panels.overlay import blend
from ich_resources.panels.painting import Panel, paint_all
from ich_resources.worth import BANNERS

CLEAR = Clear(
    by_probability=True,
    threshold=None,
    description="Kopf nativ 4,8 mm, tilted",
    window=(40.0, 80.0),
    z=-12.25,
    sides="RLAP",
)
CAPTION = Caption(
    series_uid="1." + "2" * 62,
    sop_uid="1." + "8" * 62,
    slice_index=16,
    slice_count=28,
    study_uid="1." + "0" * 62,
    saliency_source="ensemble of DenseNet121_change_avg (model_epoch_best_0)",
    mode="ensemble",
    method="gradcampp",
    target_class="subdural",
    score=0.18706,
    bar_source="calibrated sequence model probabilities  |  series incomplete, slices failed: 3",
    slice_context="replicated",
    warning=BANNERS["nothing"],
    clear=CLEAR,
)
P = np.array([0.3, 0.02, 0.04, 0.1, 0.2, 0.75], np.float32)


@pytest.fixture(scope="module")
def painter() -> ClearPainter:
    return ClearPainter()


@pytest.fixture(scope="module")
def arrays() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    gray = cv2.resize(rng.integers(0, 256, (16, 16), dtype=np.uint8), (512, 512))
    return gray, cv2.resize(rng.random((8, 8), dtype=np.float32), (512, 512)).clip(0, 1)


def _changed(**changes: object) -> Caption:
    return replace(CAPTION, clear=CLEAR._replace(**changes))


def _words(painter: ClearPainter) -> list[Text]:
    texts = painter.figure.findobj(Text)
    return [t for t in texts if isinstance(t, Text) and t.get_visible() and t.get_text()]


def _said(painter: ClearPainter) -> str:
    return "\n".join(text.get_text() for text in _words(painter))


def _page(png: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image[..., ::-1]


def test_it_says_what_is_shown(painter, arrays):
    page = _page(painter.paint(*arrays, P, CAPTION))
    assert page.shape == (880, 2400, 3)
    said = _said(painter)
    for words in (
        "Kopf nativ 4,8 mm, tilted",
        "Slice, window W 80 L 40 HU",
        "z -12.2 mm  |  index 16, counted from 0",
        "Saliency for subdural, P 0.750",
        "0.750  ◀ highest",
        "score 0.187",
        "Score: mean of the map over the picture, 0 to 1.",
        "Each map is stretched to 0..1 per slice.",
        "It is not a segmentation, and it is not evidence of blood.",
        "Opacity of the colours: 0.65 x map x P of the class.",
        "Research use only. Not for diagnosis.",
    ):
        assert words in said


def test_the_colours_are_as_strong_as_the_probability(painter, arrays):
    gray, saliency = arrays
    for name, strength in (("subdural", 0.75), ("epidural", 0.02)):
        caption = replace(_changed(sides=""), target_class=name)
        page = _page(painter.paint(gray, saliency, P, caption))
        overlay = cv2.resize(blend(gray, saliency, strength) * 255, (570, 570))
        np.testing.assert_allclose(page[154:724, 634:1204], overlay, atol=1.5)
    page = _page(painter.paint(gray, saliency, P, _changed(sides="", by_probability=False)))
    overlay = cv2.resize(blend(gray, saliency) * 255, (570, 570))
    np.testing.assert_allclose(page[154:724, 634:1204], overlay, atol=1.5)
    assert "Opacity" not in _said(painter)


@pytest.mark.parametrize(("threshold", "marked"), [(None, 5), (0.3, 5), (0.31, -1), (1.0, -1)])
def test_a_bar_is_marked_where_any_reaches_the_threshold(painter, arrays, threshold, marked):
    painter.paint(*arrays, P, _changed(threshold=threshold))
    axes = next(axes for axes in painter.figure.axes if axes.texts)
    colours = [to_hex(bar.get_facecolor()) for bar in axes.patches]
    assert [c for c, name in enumerate(colours) if name == style.HIGHEST_BAR] == (
        [marked] if marked >= 0 else []
    )
    said = _said(painter)
    assert ("◀ highest" in said) == (marked >= 0)
    if threshold is None:
        assert "threshold" not in said
    else:
        side = "at or above" if marked >= 0 else "below"
        assert f"P(any) {side} the threshold {threshold:g}" in said
    assert ("Saliency for the highest class, subdural, P 0.750" in said) == (marked < 0)


def test_the_sides_stand_on_both_pictures(painter, arrays):
    gray = np.full((512, 512), 100, np.uint8)
    nothing = np.zeros((512, 512), np.float32)
    pages = {s: _page(painter.paint(gray, nothing, P, _changed(sides=s))) for s in ("", "RLAP")}
    differ = (pages[""] != pages["RLAP"]).any(axis=-1)
    rows, columns = np.nonzero(differ)
    assert rows.min() > 400 and rows.max() < 470
    for left in (40, 634):
        inside = columns[(columns >= left) & (columns < left + 570)] - left
        assert {True, False} == {bool(x > 285) for x in inside}
        assert inside.min() < 60 and inside.max() > 510
    mirrored = _page(painter.paint(gray, nothing, P, _changed(sides="LRAP")))
    assert (mirrored != pages["RLAP"]).any()


@pytest.mark.parametrize("name", sorted(CLASSES, key=len)[-2:])
@pytest.mark.parametrize("changes", [{}, {"threshold": 0.987654, "description": "W" * 64}])
def test_nothing_clipped_or_overlapping(painter, arrays, name, changes):
    probabilities = np.zeros(6, np.float32)
    probabilities[CLASSES.index(name)] = 1
    painter.paint(*arrays, probabilities, replace(_changed(**changes), target_class=name))
    words, page = _words(painter), painter.figure.bbox
    boxes = {t: (t.get_bbox_patch() or t).get_window_extent() for t in words}
    for text, box in boxes.items():
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0, text
        assert box.y1 <= page.y1, text
    for a, b in combinations(words, 2):
        assert not boxes[a].overlaps(boxes[b]), (a, b)


def test_the_same_bytes_here_and_in_a_child_process(arrays):
    panels = [(i, Panel(*arrays, P, replace(CAPTION, slice_index=i))) for i in range(2)]
    plain = (2, Panel(*arrays, P, replace(CAPTION, clear=None)))
    here, there = (list(paint_all([*panels, plain], processes)) for processes in (0, 1))
    assert here == there
    assert [_page(png).shape[0] for _, png in here] == [880, 880, 800]


def test_a_caption_of_the_reference_is_refused(painter, arrays):
    with pytest.raises(ValueError, match="preset reference"):
        painter.paint(*arrays, P, replace(CAPTION, clear=None))
