"""A synthetic head in Hounsfield units: ellipsoids, painted one over the other."""

import cv2
import numpy as np
import numpy.typing as npt

from ich_resources.demo.anatomy import (
    BASE,
    CALLOSUM,
    DEEP,
    DURA,
    FACE,
    HAEMATOMA,
    SCALP,
    SKULL,
    SUBDURAL,
    SUBDURAL_THICKNESS,
    Ellipsoid,
    FloatArray,
)
from ich_resources.demo.tissues import (
    AIR_HU,
    CSF_HU,
    FALX_HU,
    GRAY_HU,
    HAEMATOMA_HU,
    SUBDURAL_HU,
    WHITE_HU,
)

Floats = npt.NDArray[np.floating]

FIELD_OF_VIEW = 230.0
"""Width and height of the image, in mm."""
HEAD_HEIGHT = 120.0
"""Distance along z between relative height 0 (skull base) and 1 (vertex), in mm."""
NOISE_HU = 3.0
"""Standard deviation of the noise, in HU."""


def grid(size: int) -> tuple[FloatArray, FloatArray]:
    """Return the coordinates of the pixel centres.

    Parameters
    ----------
    size : int
        Rows and columns.

    Returns
    -------
    x : float32 array, shape (1, size)
        In mm.
    y : float32 array, shape (size, 1)
        In mm.
    """
    line = ((np.arange(size) + 0.5) / size - 0.5) * FIELD_OF_VIEW
    return line.astype(np.float32)[None, :], line.astype(np.float32)[:, None]


def _cover(depth: Floats, size: int) -> FloatArray:
    """Return the fraction 0..1 of each pixel that a tissue covers, with soft edges."""
    return np.clip(0.5 + depth / max(1.0, FIELD_OF_VIEW / size), 0, 1).astype(np.float32)


def bleed_fraction(height: float, size: int = 512) -> tuple[FloatArray, FloatArray]:
    """Return where the haematoma and the subdural blood are.

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
    (x, y), z = grid(size), height * HEAD_HEIGHT
    reach = np.clip(SUBDURAL.depth(x, y, z) / 24, 0, 1)
    depth = DURA.depth(x, y, z)
    # Only pixels almost without bone: a second partial volume would make the skull thinner.
    within = (reach > 0) & (_cover(depth, size) > 0.9)
    crescent = _cover(SUBDURAL_THICKNESS * np.sqrt(reach) - depth, size) * within
    return _cover(HAEMATOMA.depth(x, y, z), size), crescent


def _sulci(x: FloatArray, y: FloatArray, z: float) -> FloatArray:
    """Return the approximate distance to the nearest sulcus (zero lines of a field), in mm."""
    u, v, w = x / DURA.rx, y / DURA.ry, np.float32((z - DURA.z) / DURA.rz)
    stretch = 75 / np.sqrt(u * u + v * v + w * w + 0.05) + 30  # folds go inwards
    rng = np.random.default_rng(7)
    waves = rng.normal(size=(12, 3))
    waves *= 2 * np.pi / 30 / np.linalg.norm(waves, axis=1, keepdims=True)
    field = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
    for (a, b, c), phase in zip(waves.astype(np.float32), rng.uniform(0, 6.28, 12), strict=True):
        field += np.sin((a * u + b * v + c * w) * stretch + np.float32(phase))
    step = FIELD_OF_VIEW / x.size
    slope = np.hypot(*np.gradient(field, step))
    return np.abs(field) / (slope + 0.1)


def head_hu(height: float, *, bleed: bool, size: int = 512, seed: int = 0) -> FloatArray:
    """Return one axial slice of the head.

    Parameters
    ----------
    height : float
        Relative height, 0 (skull base) to 1 (vertex). Outside this range the head closes.
    bleed : bool
        Whether there is a haematoma and a subdural crescent. The noise does not depend on it.
    size : int
        Rows and columns. The field of view stays ``FIELD_OF_VIEW``.
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
    (x, y), z = grid(size), height * HEAD_HEIGHT
    image = np.full((size, size), AIR_HU, np.float32)
    for shell in (SCALP, *FACE, SKULL, DURA):
        _paint(image, _cover(shell.depth(x, y, z), size), shell.hu)
    _paint_brain(image, z)
    if bleed:
        haematoma, subdural = bleed_fraction(height, size)
        _paint(image, haematoma, HAEMATOMA_HU)
        _paint(image, subdural, SUBDURAL_HU)
    for part in _near(BASE, z):
        _paint(image, _cover(part.depth(x, y, z), size), part.hu)
    rng = np.random.default_rng([seed, abs(round(height * 1e6))])
    noise = cv2.GaussianBlur(rng.standard_normal((size, size), np.float32), (0, 0), 0.6)
    return image + NOISE_HU / noise.std() * noise


def _paint_brain(image: FloatArray, z: float) -> None:
    """Paint white and gray matter, sulci, the deep parts and the midline."""
    size = len(image)
    x, y = grid(size)
    depth, sulcus = DURA.depth(x, y, z), _sulci(x, y, z)
    brain = _cover(depth - 1.5, size)
    inward = np.clip((27 - depth) / 8, 0, 1)
    _paint(image, brain, WHITE_HU)
    _paint(image, brain * _cover(5.5 - depth, size), GRAY_HU)
    _paint(image, brain * _cover(4.0 - sulcus, size) * inward, GRAY_HU)
    _paint(image, brain * _cover(0.4 - sulcus, size) * inward, CSF_HU)
    for part in _near(DEEP, z):
        _paint(image, brain * _cover(part.depth(x, y, z), size), part.hu)
    upper = np.clip((z - np.where(y < 0, 18, 38)) / 8, 0, 1)  # at the back above the tentorium
    midline = brain * _cover(-CALLOSUM.depth(x, y, z), size) * upper
    _paint(image, midline * _cover(1.6 - np.abs(x), size), CSF_HU)
    _paint(image, midline * _cover(0.5 - np.abs(x), size), FALX_HU)


def _paint(image: FloatArray, cover: Floats, hu: float) -> None:
    image += cover * (hu - image)


def _near(parts: tuple[Ellipsoid, ...], z: float) -> list[Ellipsoid]:
    """Return the parts that can reach a slice."""
    return [part for part in parts if abs(z - part.z) < part.rz + 1]
