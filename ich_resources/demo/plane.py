"""One axial plane through the synthetic head: its pixels, and what lies at them."""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from ich_resources.demo.anatomy import DURA, Ellipsoid, FloatArray

Floats = npt.NDArray[np.floating]

FIELD_OF_VIEW = 230.0
"""Width and height of the image, in mm."""
HEAD_HEIGHT = 120.0
"""Distance along z between relative height 0 (skull base) and 1 (vertex), in mm."""
FOLDS_SEED = 7
"""Seed of the folds of the brain of the demo's first head."""


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


class Plane:
    """One axial plane of the head, with the distances that several tissues need.

    Parameters
    ----------
    height : float
        Relative height, 0 (skull base) to 1 (vertex).
    size : int
        Rows and columns of the image. The field of view stays ``FIELD_OF_VIEW``.
    folds : int
        Seed of the folds of the brain; two heads with other seeds have other sulci.
    """

    def __init__(self, height: float, size: int, folds: int = FOLDS_SEED) -> None:
        self.size = size
        self.z = height * HEAD_HEIGHT
        self.x, self.y = grid(size)
        self._folds = folds

    @property
    def pixel_area(self) -> float:
        """Area of a pixel, in mm2."""
        return (FIELD_OF_VIEW / self.size) ** 2

    @cached_property
    def depth(self) -> FloatArray:
        """Depth below the dura: float32, shape (size, size), in mm; negative outside."""
        return self.inside(DURA)

    @cached_property
    def sulcus(self) -> FloatArray:
        """Approximate distance to the nearest sulcus: float32, shape (size, size), in mm.

        Sulci are the zero lines of a field of waves.
        """
        x, y = self.x, self.y
        u, v, w = x / DURA.rx, y / DURA.ry, np.float32((self.z - DURA.z) / DURA.rz)
        stretch = 75 / np.sqrt(u * u + v * v + w * w + 0.05) + 30  # folds go inwards
        rng = np.random.default_rng(self._folds)
        waves = rng.normal(size=(12, 3))
        waves *= 2 * np.pi / 30 / np.linalg.norm(waves, axis=1, keepdims=True)
        phases = rng.uniform(0, 6.28, 12)
        field = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
        for (a, b, c), phase in zip(waves.astype(np.float32), phases, strict=True):
            field += np.sin((a * u + b * v + c * w) * stretch + np.float32(phase))
        slope = np.hypot(*np.gradient(field, FIELD_OF_VIEW / x.size))
        return np.asarray(np.abs(field) / (slope + 0.1), np.float32)

    @cached_property
    def folded(self) -> FloatArray:
        """Where sulci are: 1 near the surface of the brain, 0 deep in it; shape (size, size)."""
        return np.asarray(np.clip((27 - self.depth) / 8, 0, 1), np.float32)

    @cached_property
    def brain(self) -> FloatArray:
        """Fraction 0..1 of each pixel that is brain: float32, shape (size, size)."""
        return self.cover(self.depth - 1.5)

    def inside(self, shape: Ellipsoid) -> FloatArray:
        """Return the depth of the pixels inside an ellipsoid.

        Parameters
        ----------
        shape : Ellipsoid
            In the coordinates of the head, in mm.

        Returns
        -------
        float32 array, shape (size, size)
            Depth below the surface, in mm; negative outside.
        """
        return shape.depth(self.x, self.y, self.z)

    def cover(self, depth: Floats) -> FloatArray:
        """Return the fraction 0..1 of each pixel that a tissue covers, with soft edges.

        Parameters
        ----------
        depth : float array, shape (size, size)
            Depth of the pixels inside the tissue, in mm.

        Returns
        -------
        float32 array, shape (size, size)
        """
        return np.clip(0.5 + depth / max(1.0, FIELD_OF_VIEW / self.size), 0, 1).astype(np.float32)
