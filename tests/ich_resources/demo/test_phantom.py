"""The phantom has the HU it promises, where it promises them."""

import numpy as np
import pytest

from ich_resources.demo import anatomy, phantom, tissues
from ich_resources.demo.anatomy import Ellipsoid
from ich_resources.demo.phantom import bleed_fraction, head_hu
from ich_resources.demo.plane import HEAD_HEIGHT, grid

SIZE = 256
MIDDLE = anatomy.VENTRICLE.z / HEAD_HEIGHT


def mean_hu(image: np.ndarray, x: float, y: float, radius: float = 2.0) -> float:
    """Return the mean HU around a place in mm."""
    px, py = grid(len(image))
    return float(image[np.hypot(px - x, py - y) < radius].mean())


def test_shape_and_type():
    image = head_hu(0.5, bleed=True, size=64)
    assert image.shape == (64, 64)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()


@pytest.mark.parametrize(
    ("x", "y", "hu"),
    [
        (-105.0, -105.0, tissues.AIR_HU),
        (anatomy.VENTRICLE.x, anatomy.VENTRICLE.y, tissues.CSF_HU),
        (-anatomy.VENTRICLE.x, anatomy.VENTRICLE.y, tissues.CSF_HU),
        (-28.0, -6.0, tissues.GRAY_HU),
        (0.0, -30.0, tissues.WHITE_HU),
        (anatomy.HAEMATOMA.x, anatomy.HAEMATOMA.y, tissues.HAEMATOMA_HU),
    ],
)
def test_known_places_at_the_height_of_the_ventricles(x, y, hu):
    image = head_hu(MIDDLE, bleed=True, size=SIZE)
    assert mean_hu(image, x, y) == pytest.approx(hu, abs=2.0)


def test_skull_is_a_closed_ring_under_the_scalp():
    image, (x, y), z = head_hu(MIDDLE, bleed=False, size=SIZE), grid(SIZE), MIDDLE * HEAD_HEIGHT
    bone = (anatomy.SKULL.depth(x, y, z) > 1.5) & (anatomy.DURA.depth(x, y, z) < -1.5)
    scalp = (anatomy.SCALP.depth(x, y, z) > 1.5) & (anatomy.SKULL.depth(x, y, z) < -1.5)
    assert bone.sum() > 1000
    assert image[bone].min() > 900
    assert image[bone].mean() == pytest.approx(tissues.BONE_HU, abs=2.0)
    assert image[scalp].mean() == pytest.approx(tissues.SCALP_HU, abs=2.0)


def test_subdural_has_its_hu():
    _, subdural = bleed_fraction(0.6, SIZE)
    image = head_hu(0.6, bleed=True, size=SIZE)
    assert image[subdural == 1].mean() == pytest.approx(tissues.SUBDURAL_HU, abs=2.0)


def test_noise():
    air = head_hu(0.5, bleed=False, size=SIZE)[:20, :20]
    assert air.std() == pytest.approx(phantom.NOISE_HU, rel=0.2)


@pytest.mark.parametrize("height", [0.0, 0.25, 0.4, 0.5, 0.7, 1.0])
def test_bleed_changes_only_the_bleed(height):
    with_bleed, without = (head_hu(height, bleed=b, size=SIZE) for b in (True, False))
    haematoma, subdural = bleed_fraction(height, SIZE)
    blood = (haematoma > 0) | (subdural > 0)
    assert np.array_equal(with_bleed[~blood], without[~blood])
    assert blood.any() == (0.3 < height < 0.9)
    if blood.any():
        assert (with_bleed[blood] - without[blood]).mean() > 15


def test_bleed_is_on_the_named_sides():
    haematoma, subdural = bleed_fraction(0.55, SIZE)
    half = SIZE // 2
    assert haematoma[:, half:].any() and not haematoma[:, :half].any()
    assert subdural[:, :half].any() and not subdural[:, half:].any()


def test_same_call_same_image_and_other_seed_other_noise():
    first, again = (head_hu(0.5, bleed=True, size=64, seed=1) for _ in range(2))
    other = head_hu(0.5, bleed=True, size=64, seed=2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_negative_seed():
    with pytest.raises(ValueError, match="non-negative"):
        head_hu(0.5, bleed=False, size=16, seed=-1)


def test_head_gets_smaller_towards_the_vertex_and_changes_smoothly():
    heads = [head_hu(h, bleed=False, size=64) > -500 for h in np.linspace(0.4, 1.0, 13)]
    areas = np.array([head.mean() for head in heads])
    assert (np.diff(areas) < 0).all()
    assert np.abs(np.diff(areas)).max() < 0.05


def test_anatomy_is_symmetric_without_noise_and_folds():
    x, y = grid(64)
    left = Ellipsoid(0, 10, 5, 0, 4, 8, 9, angle=30)
    right = Ellipsoid(0, -10, 5, 0, 4, 8, 9, angle=-30)
    assert np.allclose(left.depth(x, y, 2), right.depth(x, y, 2)[:, ::-1], atol=1e-3)


def test_depth_is_in_mm():
    x, y = grid(230)
    depth = Ellipsoid(0, 0, 0, 0, 50, 50, 50).depth(x, y, 0)
    assert np.allclose(depth, 50 - np.hypot(x, y), atol=0.1)
