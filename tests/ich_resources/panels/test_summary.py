"""The small pictures: size, warning, and nothing over anything else."""

import cv2
import numpy as np
import pytest

from ich_resources.panels import style
from ich_resources.panels.summary import draw_slices
from ich_resources.worth import BANNERS

LIMIT = 32_000
CAPTIONS = [f"slice {k}  any 0.9{k}" for k in range(4)]


def _rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def _decode(png: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image[..., ::-1].astype(int)


def _near(page: np.ndarray, colour: str, tolerance: int = 12) -> np.ndarray:
    return (abs(page - _rgb(colour)) <= tolerance).all(axis=-1)


def _noise(count: int, size: int) -> list[np.ndarray]:
    rng = np.random.default_rng(size)
    small = rng.integers(0, 256, (count, size, size), dtype=np.uint8)
    return [cv2.resize(s, (512, 512), interpolation=cv2.INTER_NEAREST) for s in small]


@pytest.mark.parametrize("warning", [BANNERS["nothing"], BANNERS["phantoms"]])
def test_banner_only_where_there_is_a_warning(warning: str) -> None:
    warned = _near(_decode(draw_slices(_noise(4, 140), CAPTIONS, warning)), style.BANNER, 40)
    assert warned[2:26].mean() > 0.6
    assert warned[2:26, :20].all()
    plain = _decode(draw_slices(_noise(4, 140), CAPTIONS, ""))
    assert not _near(plain[:28, :6], style.BANNER).any()


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
    words = page[28 + 8 + 134 : -20]
    assert not _near(words, style.BACKGROUND).all()
    for k in range(5):
        assert _near(words[:, 138 * k + 2 : 138 * k + 6], style.BACKGROUND, 40).all()


def test_bad_input() -> None:
    crop = np.zeros((512, 512), np.uint8)
    for crops, captions in (([], []), ([crop] * 5, ["x"] * 5), ([crop], ["x", "y"])):
        with pytest.raises(ValueError, match="captions"):
            draw_slices(crops, captions, False)
    with pytest.raises(ValueError, match="slice image"):
        draw_slices([crop[:9]], ["x"], False)
