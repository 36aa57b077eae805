"""The small pictures: size, warning, and nothing over anything else."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from ich_resources.panels import style
from ich_resources.panels.small_png import encode_small
from ich_resources.panels.summary import draw_probability_curves, draw_slices
from ich_resources.worth import BANNERS

LIMIT = 50_000
CAPTIONS = [f"slice {k}  any 0.9{k}" for k in range(4)]


def _rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def _decode(png: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image[..., ::-1].astype(int)


def _near(page: np.ndarray, colour: str, tolerance: int = 12) -> np.ndarray:
    return (abs(page - _rgb(colour)) <= tolerance).all(axis=-1)


def _probabilities(count: int) -> np.ndarray:
    return np.random.default_rng(count).random((count, 6), dtype=np.float32)


def _noise(count: int, size: int) -> list[np.ndarray]:
    rng = np.random.default_rng(size)
    small = rng.integers(0, 256, (count, size, size), dtype=np.uint8)
    return [cv2.resize(s, (512, 512), interpolation=cv2.INTER_NEAREST) for s in small]


@pytest.mark.parametrize("count", [1, 2, 28, 300, 1200])
@pytest.mark.parametrize("warning", BANNERS.values())
def test_curves_size(count: int, warning: str) -> None:
    png = draw_probability_curves(_probabilities(count), warning)
    assert len(png) <= LIMIT
    assert _decode(png).shape == (328 if warning else 300, 560, 3)
    assert png == draw_probability_curves(_probabilities(count), warning)


def test_every_curve_is_seen_at_its_height() -> None:
    levels = np.array([0.9, 0.1, 0.25, 0.4, 0.55, 0.7], np.float32)
    for count in (1, 28):
        page = _decode(draw_probability_curves(np.tile(levels, (count, 1)), ""))
        for colour, level in zip(style.CLASS_COLOURS, levels, strict=True):
            rows, columns = np.nonzero(_near(page[44:258, 46:545], colour, 40))
            assert len(rows) > 0
            # The axes go from row 46 (1) to row 256 (0); the picture shown begins at row 44.
            assert abs(np.median(rows) - (2 + 210 * (1 - level))) <= 2, colour
            assert np.ptp(columns) > 450 or count == 1


def test_any_is_the_thickest_curve() -> None:
    page = _decode(draw_probability_curves(np.tile(np.float32([0.9, 0.1] * 3), (9, 1)), ""))
    column = page[44:258, 300]
    thick = _near(column, style.CLASS_COLOURS[0], 60).sum()
    assert thick >= 3


def test_legend_stands_clear_of_the_curves() -> None:
    page = _decode(draw_probability_curves(np.ones((40, 6), np.float32), ""))
    assert _near(page[38:42], style.BACKGROUND).all()
    assert not _near(page[:38], style.BACKGROUND).all()


@pytest.mark.parametrize("warning", [BANNERS["nothing"], BANNERS["phantoms"]])
@pytest.mark.parametrize("draw", [draw_probability_curves, draw_slices])
def test_banner_only_where_there_is_a_warning(draw: Callable[..., bytes], warning: str) -> None:
    curves = draw is draw_probability_curves
    arguments = (_probabilities(28),) if curves else (_noise(4, 140), CAPTIONS)
    warned = _near(_decode(draw(*arguments, warning)), style.BANNER)
    assert warned[:28].mean() > 0.6
    assert warned[:28, :20].all()
    assert not _near(_decode(draw(*arguments, ""))[:28, :20], style.BANNER).any()


@pytest.mark.parametrize("size", [32, 140, 300, 512])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_highest_slices_of_noise_stay_small(count: int, size: int) -> None:
    png = draw_slices(_noise(count, size), CAPTIONS[:count], BANNERS["nothing"])
    assert len(png) <= LIMIT
    page = _decode(png)
    assert page.shape[1] == 560
    assert _near(page[-3:], style.BACKGROUND).all()
    assert png == draw_slices(_noise(count, size), CAPTIONS[:count], BANNERS["nothing"])


def test_highest_slices_show_the_crops_in_order() -> None:
    crops = [np.full((512, 512), value, np.uint8) for value in (40, 100, 160, 220)]
    page = _decode(draw_slices(crops, CAPTIONS, ""))
    for k, value in enumerate((40, 100, 160, 220)):
        np.testing.assert_allclose(page[60, 8 + 138 * k + 65], value, atol=3)


def test_long_captions_stay_below_their_slice() -> None:
    page = _decode(draw_slices(_noise(4, 64), ["slice 9  intraparenchymal 0.83"] * 4, True))
    words = page[28 + 8 + 130 : -20]
    assert not _near(words, style.BACKGROUND).all()
    for k in range(5):
        assert _near(words[:, 138 * k + 1 : 138 * k + 7], style.BACKGROUND).all()


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="no slice"):
        draw_probability_curves(np.zeros((0, 6), np.float32), False)
    with pytest.raises(ValueError, match="shape"):
        draw_probability_curves(np.zeros((3, 5), np.float32), False)
    with pytest.raises(ValueError, match="outside"):
        draw_probability_curves(np.full((3, 6), np.nan, np.float32), False)
    crop = np.zeros((512, 512), np.uint8)
    for crops, captions in (([], []), ([crop] * 5, ["x"] * 5), ([crop], ["x", "y"])):
        with pytest.raises(ValueError, match="captions"):
            draw_slices(crops, captions, False)
    with pytest.raises(ValueError, match="slice image"):
        draw_slices([crop[:9]], ["x"], False)


def test_encode_small_keeps_few_colours_exactly() -> None:
    rgb = np.zeros((20, 30, 3), np.uint8)
    rgb[:, 10:] = (18, 22, 28)
    rgb[:, 20:] = (255, 225, 77)
    png = encode_small(rgb)
    assert (_decode(png) == rgb).all()
    assert png[25] == 3  # colour type: palette


def test_encode_small_refuses_what_cannot_fit() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert len(encode_small(noise, 40_000)) <= 40_000
    with pytest.raises(ValueError, match="does not fit"):
        encode_small(noise, 5_000)
