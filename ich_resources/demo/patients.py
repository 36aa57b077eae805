"""Phantom patients: heads with bleeds of five kinds, drawn from a seed, with their labels."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ich_resources.demo.anatomy import DURA, Ellipsoid, FloatArray
from ich_resources.demo.bleeds import Bleed, Clot, Crescent, Lens, Sulcal, Ventricular
from ich_resources.demo.phantom import paint_head
from ich_resources.demo.plane import HEAD_HEIGHT, Plane
from ich_resources.hemorrhage import CLASSES

KINDS = CLASSES[1:]
"""The five kinds of bleeds."""
POSITIVE_MM2 = 40.0
"""A slice is positive for a kind if at least this area of it is blood, in mm2."""
BLOOD_HU = (55.0, 75.0)
"""Range of the value of fresh blood, in HU."""
BLEEDING, SECOND_KIND = 0.6, 0.3
"""Share of the patients that bleed, and of these with two kinds."""
_CLOTS = (
    (33, 4, 62),  # basal ganglia
    (30, -42, 72),  # frontal lobe
    (34, 36, 80),  # parietal lobe
    (46, 2, 40),  # temporal lobe
    (26, 56, 62),  # occipital lobe
)
"""Middles of the clots on the patient's left, in mm."""
_VOLUME_SIZE, _VOLUME_STEP = 64, 5.0
"""Rows and columns, and distance of the planes in mm, for the volume of blood."""


@dataclass(frozen=True)
class Patient:
    """A phantom patient.

    Attributes
    ----------
    seed : int
        The seed it was drawn from. It also gives the folds of the brain and the noise.
    bleeds : tuple of Bleed
        Its bleeds, in the order of painting; empty for a patient without.
    """

    seed: int
    bleeds: tuple[Bleed, ...]

    def plane(self, height: float, size: int) -> Plane:
        """Return a plane of its head, at a relative height."""
        return Plane(height, size, folds=self.seed)

    @property
    def blood_ml(self) -> float:
        """Volume of its blood, in ml: the sum of areas of planes 5 mm apart."""
        planes = [
            self.plane(z / HEAD_HEIGHT, _VOLUME_SIZE)
            for z in np.arange(-10.0, HEAD_HEIGHT + 10, _VOLUME_STEP)
        ]
        areas = [bleed.cover(p).sum() * p.pixel_area for bleed in self.bleeds for p in planes]
        return float(sum(areas) * _VOLUME_STEP / 1000)


def draw_patient(
    seed: int, kinds: Collection[str] | None = None, *, at_least_ml: float = 0.0
) -> Patient:
    """Draw a patient: kinds of bleeds, and their side, place, size and value.

    Parameters
    ----------
    seed : int
        Not negative. The same arguments give the same patient.
    kinds : collection of str, optional
        Kinds of its bleeds; empty for a patient without. Without it they are drawn: three of five
        patients bleed, three of ten of these with two kinds.
    at_least_ml : float
        Smallest volume of blood in ml. Places and sizes are drawn until it is reached.

    Raises
    ------
    ValueError
        If a kind is not one of the five, or the seed is negative.
    """
    rng = np.random.default_rng([seed, 0])
    if kinds is None:
        kinds = _draw_kinds(rng)
    if not set(kinds) <= set(KINDS):
        raise ValueError(f"the kinds of bleeds are {', '.join(KINDS)}, not {', '.join(kinds)}")
    # In the order of painting: parts outside the brain come last.
    order = ("intraparenchymal", "intraventricular", "subarachnoid", "subdural", "epidural")
    wanted = [kind for kind in order if kind in kinds]
    while True:
        patient = Patient(seed, tuple(_DRAW[kind](rng) for kind in wanted))
        if not wanted or at_least_ml <= 0 or patient.blood_ml >= at_least_ml:
            return patient


def heights_of(patient: Patient, slices: int) -> list[float]:
    """Return the relative heights of a patient's slices, ascending.

    Parameters
    ----------
    patient : Patient
        Its seed decides where in the first part the first slice lies.
    slices : int
        Number of slices; they are equally far apart and cover the whole head.
    """
    offset = np.random.default_rng([patient.seed, 1]).uniform(0.2, 0.8)
    return [(k + float(offset)) / slices for k in range(slices)]


def slice_of(patient: Patient, height: float, size: int) -> tuple[FloatArray, FloatArray]:
    """Paint one axial slice of a patient, with its labels.

    Parameters
    ----------
    patient : Patient
        The patient.
    height : float
        Relative height, 0 (skull base) to 1 (vertex).
    size : int
        Rows and columns.

    Returns
    -------
    hu : float32 array, shape (size, size)
        HU.
    labels : float32 array, shape (6,)
        1 or 0 in the order of ``hemorrhage.CLASSES``. A kind is 1 if at least ``POSITIVE_MM2`` of
        the slice are its blood; ``any`` is the largest of the five.
    """
    plane = patient.plane(height, size)
    covers = [bleed.cover(plane) for bleed in patient.bleeds]
    labels = np.zeros(len(CLASSES), np.float32)
    for bleed, cover in zip(patient.bleeds, covers, strict=True):
        if cover.sum() * plane.pixel_area >= POSITIVE_MM2:
            labels[CLASSES.index(bleed.kind)] = 1
    labels[0] = labels[1:].max()
    blood = [(cover, bleed.hu) for bleed, cover in zip(patient.bleeds, covers, strict=True)]
    rng = np.random.default_rng([patient.seed, 2, abs(round(height * 1e6))])
    return paint_head(plane, blood, rng), labels


def volume_of(
    patient: Patient, heights: Sequence[float], size: int
) -> tuple[FloatArray, FloatArray]:
    """Paint the slices of a patient, with their labels.

    Parameters
    ----------
    patient : Patient
        The patient.
    heights : sequence of float
        Relative heights of the slices.
    size : int
        Rows and columns. A slice of 128 takes some 6 ms of CPU.

    Returns
    -------
    hu : float32 array, shape (n, size, size)
        HU.
    labels : float32 array, shape (n, 6)
        See ``slice_of``.
    """
    hu = np.empty((len(heights), size, size), np.float32)
    labels = np.empty((len(heights), len(CLASSES)), np.float32)
    for k, height in enumerate(heights):
        hu[k], labels[k] = slice_of(patient, height, size)
    return hu, labels


def _draw_kinds(rng: np.random.Generator) -> tuple[str, ...]:
    if rng.random() >= BLEEDING:
        return ()
    number = 2 if rng.random() < SECOND_KIND else 1
    return tuple(str(kind) for kind in rng.choice(KINDS, number, replace=False))


def _draw_hu(rng: np.random.Generator) -> float:
    return float(rng.uniform(*BLOOD_HU))


def _draw_lens(rng: np.random.Generator) -> Lens:
    """Epidural: on the dura at the side of the head, its flat axis across the bone."""
    side = rng.choice([-1, 1])
    turn, z = np.deg2rad(rng.uniform(-50, 50)), rng.uniform(40, 88)
    ring = np.sqrt(1 - ((z - DURA.z) / DURA.rz) ** 2)
    u, v = np.cos(turn) * ring, np.sin(turn) * ring
    x, y = DURA.rx * u * (1 + DURA.egg * v), DURA.ry * v
    angle = float(np.rad2deg(np.arctan2(y / DURA.ry**2, x / DURA.rx**2)))
    thickness, length, height = rng.uniform(12, 20), rng.uniform(24, 36), rng.uniform(20, 32)
    lens = Ellipsoid(0, x, y, z, thickness, length, height, angle)
    return Lens(_draw_hu(rng), _on_side(lens, side))


def _draw_clot(rng: np.random.Generator) -> Clot:
    side, place = rng.choice([-1, 1]), _CLOTS[rng.integers(len(_CLOTS))]
    x, y, z = np.array(place) + rng.uniform(-5, 5, 3)
    rx, ry, rz = rng.uniform(9, 19) * rng.uniform(0.8, 1.25, 3)
    clot = Ellipsoid(0, x, y, z, rx, ry, rz, float(rng.uniform(-40, 40)))
    return Clot(_draw_hu(rng), _on_side(clot, side))


def _draw_ventricular(rng: np.random.Generator) -> Ventricular:
    sides = [(True, False), (False, True), (True, True)][rng.integers(3)]
    third = bool(rng.random() < 0.5)
    return Ventricular(_draw_hu(rng), *sides, third, float(rng.uniform(-50, 20)))


def _draw_sulcal(rng: np.random.Generator) -> Sulcal:
    side = rng.choice([-1, 1])
    x, y, z = rng.uniform(35, 55), rng.uniform(-45, 45), rng.uniform(45, 75)
    rx, ry, rz = rng.uniform(28, 40), rng.uniform(30, 45), rng.uniform(20, 30)
    region = Ellipsoid(0, x, y, z, rx, ry, rz)
    return Sulcal(_draw_hu(rng), _on_side(region, side), float(rng.uniform(1.2, 2.0)))


def _draw_crescent(rng: np.random.Generator) -> Crescent:
    side = rng.choice([-1, 1])
    y, z = rng.uniform(-20, 25), rng.uniform(55, 85)
    extent = Ellipsoid(0, 62, y, z, 40, rng.uniform(55, 75), rng.uniform(28, 42))
    return Crescent(_draw_hu(rng), _on_side(extent, side), float(rng.uniform(5, 10)))


def _on_side(left: Ellipsoid, side: int) -> Ellipsoid:
    """Return an ellipsoid of the left side (+1), or its mirror image (-1)."""
    return left if side > 0 else replace(left, x=-left.x, angle=-left.angle)


_DRAW: dict[str, Callable[[np.random.Generator], Bleed]] = {
    "epidural": _draw_lens,
    "intraparenchymal": _draw_clot,
    "intraventricular": _draw_ventricular,
    "subarachnoid": _draw_sulcal,
    "subdural": _draw_crescent,
}
