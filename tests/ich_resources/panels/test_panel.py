"""The panel: its pixels, its words and where they stand."""

from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from ich_resources.hemorrhage import CLASSES
from ich_resources.panels import style
from ich_resources.panels.caption import Caption
from ich_resources.panels.overlay import blend
from ich_resources.panels.panel import PanelPainter
from ich_resources.worth import BANNERS

LONGEST_UIDS = ("1." + "2" * 62, "1." + "8" * 62, "1." + "0" * 62)
NETWORKS = "DenseNet121_change_avg, DenseNet169_change_avg, se_resnext101_32x4d"
CAPTION = Caption(
    series_uid=LONGEST_UIDS[0],
    sop_uid=LONGEST_UIDS[1],
    slice_index=1198,
    slice_count=1200,
    study_uid=LONGEST_UIDS[2],
    saliency_source=f"ensemble of {NETWORKS}",
    mode="ensemble",
    method="input_grad",
    target_class="intraparenchymal",
    score=0.18706,
    bar_source="combined probabilities of the saliency networks (no ensemble prediction)",
    slice_context="replicated",
    warning=BANNERS["nothing"],
)
CHECKPOINTS = replace(
    CAPTION,
    saliency_source=", ".join(f"{name}:model_epoch_best_0.pth" for name in NETWORKS.split(", ")),
)
LOW = np.array([0.3, 0.02, 0.04, 0.1, 0.2, 0.05], np.float32)
ALL_ONE = np.ones(6, np.float32)


@pytest.fixture(scope="module")
def painter() -> PanelPainter:
    return PanelPainter()


def _arrays(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    gray = cv2.resize(rng.integers(0, 256, (16, 16), dtype=np.uint8), (512, 512))
    saliency = cv2.resize(rng.random((8, 8), dtype=np.float32), (512, 512)).clip(0, 1)
    return gray, saliency


def _words(painter: PanelPainter) -> list[Text]:
    texts = painter.figure.findobj(Text)
    return [t for t in texts if isinstance(t, Text) and t.get_visible() and t.get_text()]


def _extent(text: Text) -> Bbox:
    box = text.get_bbox_patch()
    return text.get_window_extent() if box is None else box.get_window_extent()


def _decode(png: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image[..., ::-1]


def test_size_and_pictures(painter: PanelPainter) -> None:
    gray, saliency = _arrays(0)
    page = _decode(painter.paint(gray, saliency, LOW, CAPTION))
    assert page.shape == (800, 2400, 3)
    large = cv2.resize(gray, (570, 570))
    assert (page[154:724, 40:610] == large[..., None]).all()
    overlay = cv2.resize(blend(gray, saliency) * 255, (570, 570))
    np.testing.assert_allclose(page[154:724, 634:1204], overlay, atol=1.5)


def test_same_bytes_and_nothing_left_behind(painter: PanelPainter) -> None:
    one = (*_arrays(1), LOW, CAPTION)
    calm = replace(CAPTION, warning="", sop_uid="1.2", target_class="any", score=1.0)
    other = (*_arrays(2), ALL_ONE, replace(calm, saliency_source="x" * 400))
    first, second, third = painter.paint(*one), painter.paint(*other), painter.paint(*one)
    assert first == third
    assert first != second
    assert first == PanelPainter().paint(*one)
    assert second == PanelPainter().paint(*other)


@pytest.mark.parametrize("probabilities", [LOW, ALL_ONE, np.zeros(6, np.float32)])
@pytest.mark.parametrize(
    "caption",
    [
        CAPTION,
        CHECKPOINTS,
        replace(CAPTION, saliency_source="W" * 300, bar_source="W" * 300, sop_uid="8" * 99),
    ],
    ids=["networks", "checkpoints", "overlong"],
)
def test_nothing_clipped_or_overlapping(
    painter: PanelPainter, caption: Caption, probabilities: np.ndarray
) -> None:
    for name in sorted(CLASSES, key=len)[-2:]:
        painter.paint(*_arrays(0), probabilities, replace(caption, target_class=name))
        words = _words(painter)
        assert len(words) > 30
        page = painter.figure.bbox
        for text in words:
            box = _extent(text)
            assert page.x0 <= box.x0 and box.x1 <= page.x1, text
            assert page.y0 <= box.y0 and box.y1 <= page.y1, text
        for a, b in combinations(words, 2):
            assert not _extent(a).overlaps(_extent(b)), (a, b)
        for axes in painter.figure.axes:
            for text in words:
                if text not in axes.texts:
                    assert not _extent(text).overlaps(axes.get_window_extent()), (axes, text)


def test_says_everything_in_full(painter: PanelPainter) -> None:
    painter.paint(*_arrays(0), LOW, CAPTION)
    texts = {t.get_text(): t for t in _words(painter)}
    for uid in LONGEST_UIDS:
        assert texts[uid].get_fontfamily() == [style.MONO]
        assert texts[uid].get_fontsize() == 13
    everything = "\n".join(texts)
    for words in (
        f"Saliency source: ensemble of {NETWORKS}  |  mode ensemble  |  method input_grad",
        f"Bar source: {CAPTION.bar_source}",
        "slice context replicated",
        "Slice 1199 of 1200",
        "index 1198",
        "Saliency for intraparenchymal",
        "score 0.187",
        "Research use only. Not for diagnosis.",
        *CLASSES,
    ):
        assert words in everything
    source = next(t for s, t in texts.items() if s.startswith("Saliency source"))
    assert source.get_fontsize() == 13


def test_dollar_signs_are_no_formula(painter: PanelPainter) -> None:
    caption = replace(CAPTION, saliency_source="$\\frac{1}$")
    assert painter.paint(*_arrays(0), LOW, caption) != painter.paint(*_arrays(0), LOW, CAPTION)


def test_banner_only_where_there_is_a_warning(painter: PanelPainter) -> None:
    yellow = tuple(int(style.BANNER[i : i + 2], 16) for i in (1, 3, 5))
    for warning in BANNERS.values():
        caption = replace(CAPTION, warning=warning)
        page = _decode(painter.paint(*_arrays(0), LOW, caption))
        warned = (page[:150] == yellow).all(axis=-1).sum()
        assert warned > 40_000 if warning else warned == 0
        shown = {t.get_text() for t in _words(painter)} & set(BANNERS.values())
        assert shown == ({warning} if warning else set())


def _bar_axes(painter: PanelPainter) -> Axes:
    return next(axes for axes in painter.figure.axes if axes.texts)


def test_bars_and_the_mark_of_the_highest(painter: PanelPainter) -> None:
    for highest in range(6):
        probabilities = LOW.copy()
        probabilities[highest] = 0.93751
        painter.paint(*_arrays(0), probabilities, CAPTION)
        axes = _bar_axes(painter)
        assert axes.get_xlim() == (0, 1)
        widths = [bar.get_width() for bar in axes.patches]
        np.testing.assert_allclose(widths, probabilities)
        words = [text.get_text() for text in axes.texts]
        assert words[highest] == "0.938  ◀ highest"
        assert [w for c, w in enumerate(words) if c != highest] == [
            f"{p:.3f}" for c, p in enumerate(probabilities) if c != highest
        ]
        colours = [to_hex(bar.get_facecolor()) for bar in axes.patches]
        assert colours[highest] == style.HIGHEST_BAR
        assert colours.count(style.BAR) == 5
        assert [label.get_text() for label in axes.get_yticklabels()] == list(CLASSES)


def test_bad_input(painter: PanelPainter) -> None:
    gray, saliency = _arrays(0)
    with pytest.raises(ValueError, match="probabilities of shape"):
        painter.paint(gray, saliency, LOW[:5], CAPTION)
    for bad in (np.nan, 1.5, -0.1):
        with pytest.raises(ValueError, match="probabilities outside"):
            painter.paint(gray, saliency, np.array([bad, 0, 0, 0, 0, 0], np.float32), CAPTION)
    with pytest.raises(ValueError, match="slice image"):
        painter.paint(gray[:100], saliency, LOW, CAPTION)
    with pytest.raises(ValueError, match="not a hemorrhage class"):
        replace(CAPTION, target_class="extradural")
    with pytest.raises(ValueError, match="outside"):
        replace(CAPTION, slice_index=1200)
