"""The overlay formula, by hand."""

import numpy as np
import pytest

from ich_resources.panels.overlay import blend


def _filled(gray: int, saliency: float) -> tuple[np.ndarray, np.ndarray]:
    return np.full((512, 512), gray, np.uint8), np.full((512, 512), saliency, np.float32)


@pytest.mark.parametrize(
    ("gray", "saliency", "expected"),
    [
        (255, 0.0, (1.0, 1.0, 1.0)),
        (51, 0.0, (0.2, 0.2, 0.2)),
        # jet(1) is (0.5, 0, 0) and a = 0.65: 0.35 * 0.2 + 0.65 * (0.5, 0, 0).
        (51, 1.0, (0.395, 0.07, 0.07)),
        (0, 1.0, (0.325, 0.0, 0.0)),
        # jet(0.5) is step 128 of 256; a = 0.325: 0.675 + 0.325 * (0.4902, 1, 0.4775).
        (255, 0.5, (0.8343, 1.0, 0.8302)),
    ],
)
def test_hand_worked_values(gray: int, saliency: float, expected: tuple[float, ...]) -> None:
    out = blend(*_filled(gray, saliency))
    assert out.dtype == np.float32
    assert out.shape == (512, 512, 3)
    np.testing.assert_allclose(out[17, 400], expected, atol=1e-4)
    assert (out == out[0, 0]).all()


def test_each_pixel_has_its_own_saliency() -> None:
    gray, saliency = _filled(102, 0.0)
    saliency[3, 5] = 1
    out = blend(gray, saliency)
    np.testing.assert_allclose(out[3, 5], (0.35 * 0.4 + 0.325, 0.14, 0.14), atol=1e-6)
    np.testing.assert_allclose(out[5, 3], 0.4, atol=1e-6)


def test_stays_in_range_and_leaves_the_input_alone() -> None:
    rng = np.random.default_rng(1)
    gray = rng.integers(0, 256, (512, 512), dtype=np.uint8)
    saliency = rng.random((512, 512), dtype=np.float32)
    before = gray.copy(), saliency.copy()
    out = blend(gray, saliency)
    assert out.min() >= 0
    assert out.max() <= 1
    assert (gray == before[0]).all()
    assert (saliency == before[1]).all()


@pytest.mark.parametrize("bad", [-0.01, 1.01, np.nan, np.inf])
def test_saliency_outside_the_range(bad: float) -> None:
    gray, saliency = _filled(0, 0.5)
    saliency[0, 0] = bad
    with pytest.raises(ValueError, match="outside 0..1"):
        blend(gray, saliency)


def test_wrong_shapes_and_types() -> None:
    gray, saliency = _filled(0, 0.5)
    with pytest.raises(ValueError, match="saliency map of shape"):
        blend(gray, saliency[:256])
    with pytest.raises(ValueError, match="saliency map of shape"):
        blend(gray[:256], saliency)
    assert blend(gray[:256], saliency[:256]).shape == (256, 512, 3)  # a slice at its own size
    with pytest.raises(ValueError, match="slice image"):
        blend(gray.astype(np.float32), saliency)
