"""The five kinds of bleeds of the synthetic head: where each has blood in a plane.

A bleed fills a space, so the anatomy cuts it: an epidural lens ends at the dura, blood in the
ventricles at their walls, blood in the sulci at the gyri.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ich_resources.demo.anatomy import (
    HAEMATOMA,
    LATERAL_VENTRICLES,
    SUBDURAL,
    SUBDURAL_THICKNESS,
    THIRD_VENTRICLE,
    Ellipsoid,
    FloatArray,
)
from ich_resources.demo.plane import Plane
from ich_resources.demo.tissues import HAEMATOMA_HU, SUBDURAL_HU

CLOT_DEPTH = 5.0
"""Depth below the dura at which a clot in the brain ends, in mm: the cortex stays free."""


class Bleed(Protocol):
    """One bleed: its kind, its value, and where it is."""

    @property
    def kind(self) -> str:
        """Its class, as in ``hemorrhage.CLASSES``."""

    @property
    def hu(self) -> float:
        """Value of its blood, in HU."""

    def cover(self, plane: Plane) -> FloatArray:
        """Return where the blood is in a plane.

        Parameters
        ----------
        plane : Plane
            Its pixels, in mm, and the depth of each below the dura.

        Returns
        -------
        float32 array, shape (size, size)
            Fraction 0..1 of each pixel that is blood.
        """


@dataclass(frozen=True)
class Lens:
    """Epidural blood: the part of an ellipsoid on the dura that is inside the skull.

    Attributes
    ----------
    hu : float
        Value of the blood, in HU.
    shape : Ellipsoid
        Its centre lies on the dura; its ``hu`` is not used.
    """

    hu: float
    shape: Ellipsoid
    kind: str = "epidural"

    def cover(self, plane: Plane) -> FloatArray:
        """Return where the blood is; see ``Bleed.cover``."""
        return plane.cover(plane.inside(self.shape)) * _without_bone(plane)


@dataclass(frozen=True)
class Clot:
    """Intraparenchymal blood: an ellipsoid in the brain.

    Attributes
    ----------
    hu : float
        Value of the blood, in HU.
    shape : Ellipsoid
        Its place; its ``hu`` is not used.
    """

    hu: float
    shape: Ellipsoid
    kind: str = "intraparenchymal"

    def cover(self, plane: Plane) -> FloatArray:
        """Return where the blood is; see ``Bleed.cover``."""
        return plane.cover(np.minimum(plane.inside(self.shape), plane.depth - CLOT_DEPTH))


@dataclass(frozen=True)
class Ventricular:
    """Intraventricular blood: the ventricles behind a level, as it settles in a lying patient.

    Attributes
    ----------
    hu : float
        Value of the blood, in HU.
    left, right : bool
        Which lateral ventricles it is in.
    third : bool
        Whether it is in the third ventricle, too.
    level : float
        y of the level in mm: blood is behind it.
    """

    hu: float
    left: bool
    right: bool
    third: bool
    level: float
    kind: str = "intraventricular"

    def cover(self, plane: Plane) -> FloatArray:
        """Return where the blood is; see ``Bleed.cover``."""
        parts = [
            part for part in LATERAL_VENTRICLES if (self.left if part.x > 0 else self.right)
        ] + ([THIRD_VENTRICLE] if self.third else [])
        depths = [plane.inside(part) for part in parts if abs(plane.z - part.z) < part.rz + 1]
        if not depths:
            return np.zeros((plane.size, plane.size), np.float32)
        return plane.cover(np.minimum(np.maximum.reduce(depths), plane.y - self.level))


@dataclass(frozen=True)
class Sulcal:
    """Subarachnoid blood: the sulci of one region of the surface of the brain.

    Attributes
    ----------
    hu : float
        Value of the blood, in HU.
    region : Ellipsoid
        The region; its ``hu`` is not used.
    width : float
        Half the width of the blood in a sulcus, in mm.
    """

    hu: float
    region: Ellipsoid
    width: float
    kind: str = "subarachnoid"

    def cover(self, plane: Plane) -> FloatArray:
        """Return where the blood is; see ``Bleed.cover``."""
        reach = plane.inside(self.region)
        if reach.max() <= 0:
            return np.zeros_like(reach)
        faded = np.clip(reach / 6, 0, 1) * plane.folded * _without_bone(plane)
        return np.asarray(plane.cover(self.width - plane.sulcus) * faded, np.float32)


@dataclass(frozen=True)
class Crescent:
    """Subdural blood: a layer below the dura, thickest in the middle of its extent.

    Attributes
    ----------
    hu : float
        Value of the blood, in HU.
    extent : Ellipsoid
        How far the layer reaches; its ``hu`` is not used.
    thickness : float
        Largest thickness, in mm.
    """

    hu: float
    extent: Ellipsoid
    thickness: float
    kind: str = "subdural"

    def cover(self, plane: Plane) -> FloatArray:
        """Return where the blood is; see ``Bleed.cover``."""
        reach = np.clip(plane.inside(self.extent) / 24, 0, 1)
        within = (reach > 0) & _without_bone(plane)
        return plane.cover(self.thickness * np.sqrt(reach) - plane.depth) * within


def _without_bone(plane: Plane) -> npt.NDArray[np.bool_]:
    """Return the pixels almost without bone: a second partial volume would thin the skull."""
    return np.asarray(plane.cover(plane.depth) > 0.9)


FIRST_HEAD = (
    Clot(HAEMATOMA_HU, HAEMATOMA),
    Crescent(SUBDURAL_HU, SUBDURAL, SUBDURAL_THICKNESS),
)
"""The bleeds of the demo's first head: one in the left basal ganglia, one over the right side."""
