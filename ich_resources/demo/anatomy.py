"""The anatomy of the synthetic head: ellipsoids of one tissue each.

Patient coordinates in mm (DICOM PS3.3 C.7.6.2.1.1); the origin is the middle of the image at the
skull base. x goes to the patient's left (right in the image), y to the back (down), z to the
vertex.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ich_resources.demo.tissues import (
    AIR_HU,
    BONE_HU,
    CSF_HU,
    EYE_HU,
    FAT_HU,
    GRAY_HU,
    HAEMATOMA_HU,
    MASTOID_HU,
    SCALP_HU,
    SUBDURAL_HU,
    WHITE_HU,
)

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid of one tissue.

    Attributes
    ----------
    hu : float
        Value of the tissue, in HU.
    x, y, z : float
        Centre, in mm.
    rx, ry, rz : float
        Radii, in mm.
    angle : float
        Rotation about z, from +x towards +y, in degrees.
    egg : float
        Relative growth of the width towards the back; 0 for an ellipsoid.
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
        """Return the approximate depth of points inside the ellipsoid.

        Parameters
        ----------
        x, y : float32 array
            Coordinates of the points, in mm. The shapes are broadcast.
        z : float
            Coordinate of the slice, in mm.

        Returns
        -------
        float32 array, of the broadcast shape
            Depth below the surface, in mm; negative outside.
        """
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
    """Return an ellipsoid on the patient's left side and its mirror image on the right."""
    left = Ellipsoid(hu, x, *rest)
    return left, replace(left, x=-x, angle=-left.angle)


SCALP = Ellipsoid(SCALP_HU, 0, 0, 36, 76, 96, 102, egg=0.1)
"""Outer surface of the head."""
SKULL = Ellipsoid(BONE_HU, 0, 0, 36, 71, 91, 97, egg=0.1)
"""Outer table of the skull."""
DURA = Ellipsoid(CSF_HU, 0, 0, 36, 65, 84, 91, egg=0.1)
"""Inner table of the skull: the space that the brain fills."""
CALLOSUM = Ellipsoid(WHITE_HU, 0, 2, 52, 200, 52, 42)
"""Corpus callosum. The midline outside it is falx."""
VENTRICLE = Ellipsoid(CSF_HU, 11, -27, 68, 5.5, 17, 17, -20)
"""Frontal horn of the left lateral ventricle."""
LATERAL_VENTRICLES = (
    VENTRICLE,
    replace(VENTRICLE, x=-VENTRICLE.x, angle=-VENTRICLE.angle),
    *_pair(CSF_HU, 11, 4, 82, 6, 33, 9, -4),  # bodies
    *_pair(CSF_HU, 24, 38, 68, 6, 18, 13, -22),  # atria and occipital horns
    *_pair(CSF_HU, 36, 2, 36, 2.2, 12, 8, -16),  # temporal horns
)
"""Parts of the lateral ventricles, left and right in turn."""
THIRD_VENTRICLE = Ellipsoid(CSF_HU, 0, 6, 54, 2.2, 14, 13)
FOURTH_VENTRICLE = Ellipsoid(CSF_HU, 0, 39, 12, 8, 5, 14)
HAEMATOMA = Ellipsoid(HAEMATOMA_HU, 33, 4, 62, 13, 19, 20, 8)
"""Intraparenchymal haematoma in the left basal ganglia."""
SUBDURAL = Ellipsoid(SUBDURAL_HU, -62, 2, 75, 40, 72, 36)
"""Extent of the subdural crescent on the right; see ``bleeds.Crescent``."""
SUBDURAL_THICKNESS = 7.0
"""Largest thickness of the subdural crescent, in mm."""

FACE = (
    Ellipsoid(SCALP_HU, 0, -36, -14, 60, 62, 40),
    Ellipsoid(SCALP_HU, 0, -90, -14, 8, 13, 24),  # nose
)
"""Parts in front of the skull."""
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
    *LATERAL_VENTRICLES,
    THIRD_VENTRICLE,
    Ellipsoid(CSF_HU, 0, -8, 29, 13, 11, 11),  # suprasellar cistern
    Ellipsoid(CSF_HU, 0, 20, 34, 15.5, 15, 9),  # ambient cistern
    Ellipsoid(CSF_HU, 0, 33, 46, 11, 4, 6),  # quadrigeminal cistern
    Ellipsoid(CSF_HU, 0, 12, 12, 19, 11, 12),  # prepontine cistern
    Ellipsoid(GRAY_HU, 0, 20, 15, 15, 14, 34),  # brain stem
    FOURTH_VENTRICLE,
)
"""Parts inside the brain, in the order of painting."""
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
"""Parts of the skull base and the face, in the order of painting."""
