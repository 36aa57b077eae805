"""A synthetic head in Hounsfield units: nested ellipsoids, painted one over the other.

Patient coordinates in mm as in DICOM PS3.3 C.7.6.2.1.1, zero in the middle of the image:
x to the patient's left (right in the image), y to the back (down), z to the vertex.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ich_resources.demo.tissues import (
    AIR_HU,
    BONE_HU,
    CSF_HU,
    EYE_HU,
    FALX_HU,
    FAT_HU,
    GRAY_HU,
    HAEMATOMA_HU,
    MASTOID_HU,
    SCALP_HU,
    SUBDURAL_HU,
    WHITE_HU,
)

FloatArray = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating]

FIELD_OF_VIEW = 230.0
"""Side of the image in mm."""
HEAD_HEIGHT = 120.0
"""z in mm between relative height 0 (skull base) and 1 (vertex)."""
NOISE_HU = 3.0
"""Standard deviation of the noise in HU."""


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid of one tissue; ``hu`` in HU, centre and radii in mm, ``angle`` in degrees.

    The angle turns it about z, from +x towards +y. ``egg`` makes it wider at the back.
    """

    hu: float
    x: float
    y: float
    z: float
    rx: float
    ry: float
    rz: float
    angle: float = 0.0
    egg: float = 0.0

    def depth(self, x: FloatArray, y: FloatArray, z: float) -> FloatArray:
        """Return about how deep points lie inside the ellipsoid, in mm; negative outside."""
        turn = np.deg2rad(self.angle)
        cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        dx, dy, dz = x - self.x, y - self.y, z - self.z
        u, v = (cos * dx + sin * dy) / self.rx, (cos * dy - sin * dx) / self.ry
        u = u / (1 + self.egg * v)
        w = dz / self.rz
        q = np.sqrt(u * u + v * v + w * w) + 1e-6
        slope = np.sqrt((u / self.rx) ** 2 + (v / self.ry) ** 2 + (w / self.rz) ** 2) / q
        return ((1 - q) / (slope + 1e-6)).astype(np.float32)


def _pair(hu: float, x: float, *rest: float) -> tuple[Ellipsoid, Ellipsoid]:
    """Return an ellipsoid of the patient's left side and its mirror image on the right."""
    left = Ellipsoid(hu, x, *rest)
    return left, replace(left, x=-x, angle=-left.angle)


SCALP = Ellipsoid(SCALP_HU, 0, 0, 36, 76, 96, 102, egg=0.1)
"""Outer surface of the head."""
SKULL = Ellipsoid(BONE_HU, 0, 0, 36, 71, 91, 97, egg=0.1)
"""Outer table of the skull."""
DURA = Ellipsoid(CSF_HU, 0, 0, 36, 65, 84, 91, egg=0.1)
"""Inner table of the skull; the space of the brain."""
CALLOSUM = Ellipsoid(WHITE_HU, 0, 2, 52, 200, 52, 42)
"""What lies outside it in the midline is falx."""
VENTRICLE = Ellipsoid(CSF_HU, 11, -27, 68, 5.5, 17, 17, -20)
"""Frontal horn of the left lateral ventricle."""
HAEMATOMA = Ellipsoid(HAEMATOMA_HU, 33, 4, 62, 13, 19, 20, 8)
"""Intraparenchymal haematoma in the left basal ganglia."""
SUBDURAL = Ellipsoid(SUBDURAL_HU, -62, 2, 75, 40, 72, 36)
"""Reach of the subdural crescent on the right; see `bleed_fraction`."""
SUBDURAL_THICKNESS = 7.0
"""Greatest thickness of the subdural crescent, in mm."""

FACE = (
    Ellipsoid(SCALP_HU, 0, -36, -14, 60, 62, 40),
    Ellipsoid(SCALP_HU, 0, -90, -14, 8, 13, 24),  # nose
)
DEEP = (
    Ellipsoid(CSF_HU, 0, 47, 2, 52, 36, 33),  # below the tentorium
    Ellipsoid(GRAY_HU, 0, 47, 2, 50.5, 34.5, 31.5),  # cerebellum
    *_pair(WHITE_HU, 19, 47, 2, 17, 13, 22, 20),
    *_pair(GRAY_HU, 20, -21, 68, 5, 13, 15, -20),  # caudate nuclei
    *_pair(GRAY_HU, 28, -6, 60, 7, 18, 17, -14),  # lentiform nuclei
    *_pair(GRAY_HU, 11, 12, 60, 8, 15, 12, -20),  # thalami
    *_pair(GRAY_HU, 44, -14, 54, 6, 20, 20, -8),  # insulae
    *_pair(CSF_HU, 45, -14, 54, 2.2, 17, 16, -8),  # Sylvian fissures
    *_pair(CSF_HU, 28, -20, 34, 22, 1.8, 10, -14),
    VENTRICLE,
    replace(VENTRICLE, x=-VENTRICLE.x, angle=-VENTRICLE.angle),
    *_pair(CSF_HU, 11, 4, 82, 6, 33, 9, -4),  # bodies of the lateral ventricles
    *_pair(CSF_HU, 24, 38, 68, 6, 18, 13, -22),  # atria and occipital horns
    *_pair(CSF_HU, 36, 2, 36, 2.2, 12, 8, -16),  # temporal horns
    Ellipsoid(CSF_HU, 0, 6, 54, 2.2, 14, 13),  # third ventricle
    Ellipsoid(CSF_HU, 0, -8, 29, 13, 11, 11),  # suprasellar cistern
    Ellipsoid(CSF_HU, 0, 20, 34, 15.5, 15, 9),  # ambient cistern
    Ellipsoid(CSF_HU, 0, 33, 46, 11, 4, 6),  # quadrigeminal cistern
    Ellipsoid(CSF_HU, 0, 12, 12, 19, 11, 12),  # prepontine cistern
    Ellipsoid(GRAY_HU, 0, 20, 15, 15, 14, 34),  # brain stem
    Ellipsoid(CSF_HU, 0, 39, 12, 8, 5, 14),  # fourth ventricle
)
BASE = (
    *_pair(BONE_HU, 37, 16, 0, 27, 8, 13, 27),  # petrous bones
    *_pair(MASTOID_HU, 50, 22.5, 0, 9, 4.5, 9, 27),  # mastoid cells
    *_pair(BONE_HU, 33, -34, 4, 24, 3, 11, -24),  # sphenoid wings
    Ellipsoid(BONE_HU, 0, -3, 2, 13, 7, 13),  # clivus
    *_pair(BONE_HU, 26, -55, -4, 19, 29, 17, 20),  # orbits
    *_pair(FAT_HU, 26, -56, -4, 16.5, 27, 14.5, 20),
    *_pair(SCALP_HU, 31, -78, -4, 16, 8, 14, 18),  # eyelids
    *_pair(EYE_HU, 30, -68, -4, 12, 12, 12),
    *_pair(SCALP_HU, 22, -44, -4, 2, 14, 11, 20),  # optic nerves
    Ellipsoid(BONE_HU, 0, -46, -4, 12, 38, 18),  # ethmoid and sphenoid sinuses
    *_pair(AIR_HU, 5, -61, -4, 4, 20, 14),
    *_pair(AIR_HU, 5.5, -24, -4, 4.5, 11, 12),
    *_pair(AIR_HU, 9, -86, 24, 9, 2.5, 10, 8),  # frontal sinuses
)


def grid(size: int) -> tuple[FloatArray, FloatArray]:
    """Return x and y of the pixel centres in mm, float32, shapes (1, size) and (size, 1)."""
    line = ((np.arange(size) + 0.5) / size - 0.5) * FIELD_OF_VIEW
    return line.astype(np.float32)[None, :], line.astype(np.float32)[:, None]


def _cover(depth: Floats, size: int) -> FloatArray:
    """Return the fraction 0..1 of each pixel a tissue covers; edges one pixel or 1 mm soft."""
    return np.clip(0.5 + depth / max(1.0, FIELD_OF_VIEW / size), 0, 1).astype(np.float32)


def bleed_fraction(height: float, size: int = 512) -> tuple[FloatArray, FloatArray]:
    """Return where the bleed is: haematoma and subdural.

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
    # only pixels (nearly) without bone: a second partial volume would thin the skull
    within = (reach > 0) & (_cover(depth, size) > 0.9)
    crescent = _cover(SUBDURAL_THICKNESS * np.sqrt(reach) - depth, size) * within
    return _cover(HAEMATOMA.depth(x, y, z), size), crescent


def _sulci(x: FloatArray, y: FloatArray, z: float) -> FloatArray:
    """Return about the distance to the nearest sulcus in mm: zero lines of a smooth field."""
    u, v, w = x / DURA.rx, y / DURA.ry, np.float32((z - DURA.z) / DURA.rz)
    stretch = 75 / np.sqrt(u * u + v * v + w * w + 0.05) + 30  # folds run inwards
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
    """Return one axial slice of a head.

    Parameters
    ----------
    height : float
        Relative height, 0 (skull base) to 1 (vertex); beyond, the head closes.
    bleed : bool
        Whether there is a haematoma and a subdural crescent. The noise does not depend on it.
    size : int
        Rows and columns; the field of view stays `FIELD_OF_VIEW`.
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

    def paint(cover: Floats, hu: float) -> None:
        image[:] += cover * (hu - image)

    for shell in (SCALP, *FACE, SKULL, DURA):
        paint(_cover(shell.depth(x, y, z), size), shell.hu)
    depth, sulcus = DURA.depth(x, y, z), _sulci(x, y, z)
    brain = _cover(depth - 1.5, size)
    inward = np.clip((27 - depth) / 8, 0, 1)
    paint(brain, WHITE_HU)
    paint(brain * _cover(5.5 - depth, size), GRAY_HU)
    paint(brain * _cover(4.0 - sulcus, size) * inward, GRAY_HU)
    paint(brain * _cover(0.4 - sulcus, size) * inward, CSF_HU)
    for part in DEEP:
        if abs(z - part.z) < part.rz + 1:
            paint(brain * _cover(part.depth(x, y, z), size), part.hu)
    upper = np.clip((z - np.where(y < 0, 18, 38)) / 8, 0, 1)  # above the tentorium at the back
    midline = brain * _cover(-CALLOSUM.depth(x, y, z), size) * upper
    paint(midline * _cover(1.6 - np.abs(x), size), CSF_HU)
    paint(midline * _cover(0.5 - np.abs(x), size), FALX_HU)
    if bleed:
        haematoma, subdural = bleed_fraction(height, size)
        paint(haematoma, HAEMATOMA_HU)
        paint(subdural, SUBDURAL_HU)
    for part in BASE:
        if abs(z - part.z) < part.rz + 1:
            paint(_cover(part.depth(x, y, z), size), part.hu)
    rng = np.random.default_rng([seed, abs(round(height * 1e6))])
    noise = cv2.GaussianBlur(rng.standard_normal((size, size), np.float32), (0, 0), 0.6)
    return image + NOISE_HU / noise.std() * noise
