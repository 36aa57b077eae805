"""A synthetic head in Hounsfield units: ellipsoids, painted one over the other."""

from collections.abc import Sequence

import cv2
import numpy as np

from ich_resources.demo.anatomy import (
    BASE,
    CALLOSUM,
    DEEP,
    DURA,
    FACE,
    SCALP,
    SKULL,
    Ellipsoid,
    FloatArray,
)
from ich_resources.demo.bleeds import FIRST_HEAD
from ich_resources.demo.plane import Floats, Plane
from ich_resources.demo.tissues import AIR_HU, CSF_HU, FALX_HU, GRAY_HU, WHITE_HU

NOISE_HU = 3.0
"""Standard deviation of the noise, in HU."""


def bleed_fraction(height: float, size: int = 512) -> tuple[FloatArray, FloatArray]:
    """Return where the haematoma and the subdural blood of the demo's first head are.

    Parameters
    ----------
    height : float
        Relative height, 0 (skull base) to 1 (vertex).
    size : int
        Rows and columns.

    Returns
    -------
    haematoma, subdural : float32 arrays, shape (size, size)
        Fraction 0..1 of each pixel that is blood.
    """
    plane = Plane(height, size)
    haematoma, subdural = (bleed.cover(plane) for bleed in FIRST_HEAD)
    return haematoma, subdural


def head_hu(height: float, *, bleed: bool, size: int = 512, seed: int = 0) -> FloatArray:
    """Return one axial slice of the demo's first head.

    Parameters
    ----------
    height : float
        Relative height, 0 (skull base) to 1 (vertex). Outside this range the head closes.
    bleed : bool
        Whether there is a haematoma and a subdural crescent. The noise does not depend on it.
    size : int
        Rows and columns. The field of view stays ``plane.FIELD_OF_VIEW``.
    seed : int
        Seed of the noise, not negative.

    Returns
    -------
    float32 array, shape (size, size)
        HU.

    Raises
    ------
    ValueError
        If the seed is negative.
    """
    plane = Plane(height, size)
    blood = [(found.cover(plane), found.hu) for found in FIRST_HEAD] if bleed else []
    return paint_head(plane, blood, np.random.default_rng([seed, abs(round(height * 1e6))]))


def paint_head(
    plane: Plane, blood: Sequence[tuple[FloatArray, float]], rng: np.random.Generator
) -> FloatArray:
    """Return one axial slice of a head.

    Parameters
    ----------
    plane : Plane
        The plane, with the folds of the brain.
    blood : sequence of (float32 array of shape (size, size), float)
        Fraction 0..1 of each pixel that is blood, and its value in HU; painted in this order.
    rng : Generator
        Gives the noise.

    Returns
    -------
    float32 array, shape (size, size)
        HU.
    """
    image = np.full((plane.size, plane.size), AIR_HU, np.float32)
    for shell in (SCALP, *FACE, SKULL):
        _paint(image, plane.cover(plane.inside(shell)), shell.hu)
    _paint(image, plane.cover(plane.depth), DURA.hu)
    _paint_brain(image, plane)
    for cover, hu in blood:
        _paint(image, cover, hu)
    for part in _near(BASE, plane.z):
        _paint(image, plane.cover(plane.inside(part)), part.hu)
    drawn = rng.standard_normal((plane.size, plane.size), np.float32)
    noise = cv2.GaussianBlur(drawn, (0, 0), 0.6)
    return np.asarray(image + NOISE_HU / noise.std() * noise, np.float32)


def _paint_brain(image: FloatArray, plane: Plane) -> None:
    """Paint white and gray matter, sulci, the deep parts and the midline."""
    depth, sulcus, brain, inward = plane.depth, plane.sulcus, plane.brain, plane.folded
    _paint(image, brain, WHITE_HU)
    _paint(image, brain * plane.cover(5.5 - depth), GRAY_HU)
    _paint(image, brain * plane.cover(4.0 - sulcus) * inward, GRAY_HU)
    _paint(image, brain * plane.cover(0.4 - sulcus) * inward, CSF_HU)
    for part in _near(DEEP, plane.z):
        _paint(image, brain * plane.cover(plane.inside(part)), part.hu)
    # At the back the midline is falx above the tentorium.
    upper = np.clip((plane.z - np.where(plane.y < 0, 18, 38)) / 8, 0, 1)
    midline = brain * plane.cover(-plane.inside(CALLOSUM)) * upper
    _paint(image, midline * plane.cover(1.6 - np.abs(plane.x)), CSF_HU)
    _paint(image, midline * plane.cover(0.5 - np.abs(plane.x)), FALX_HU)


def _paint(image: FloatArray, cover: Floats, hu: float) -> None:
    image += cover * (hu - image)


def _near(parts: tuple[Ellipsoid, ...], z: float) -> list[Ellipsoid]:
    """Return the parts that can reach a slice."""
    return [part for part in parts if abs(z - part.z) < part.rz + 1]
