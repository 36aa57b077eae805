"""Rules for whole series. Each finding is a remark; the policy makes it a refusal or a warning."""

import math
import re
from collections.abc import Sequence

import numpy as np

from ich_resources.dicom.descriptions import names_contrast, names_head, part_by_description
from ich_resources.dicom.geometry import normals_of
from ich_resources.dicom.header import Header
from ich_resources.dicom.mixing_rules import mixing_remarks
from ich_resources.dicom.ordering import SAME_POSITION
from ich_resources.dicom.picture_rules import picture_remarks
from ich_resources.reasons import Reason
from ich_resources.series import Remark, SliceRecord

FEWEST_SLICES = 3
"""Fewest slices of a head CT."""
SAME_DIRECTION = 1.0
"""Slice normals that differ less than this, in degrees, have the same direction."""
MISSING_SLICE = 1.8
"""A slice is missing where a gap is this many times larger than both gaps beside it. A spacing that
changes once is normal: sequential head CT has thin slices at the base and thick ones above."""
WIDE_WINDOW = 1000.0
"""A window of the header that is at least this wide, in HU, is for bone."""

_BONE_KERNEL = re.compile(
    r"BONE|EDGE|LUNG|DETAIL"  # GE
    r"|^[HUBJ]R?[6-9][0-9]"  # Siemens: H60s, U70u, B70f, Hr64h
    r"|^Y?[DE]$"  # Philips
    r"|^FC(3[0-9]|[58][0-9])"  # Canon, Toshiba
)


def remarks(
    members: Sequence[tuple[SliceRecord, Header]], *, in_mm: bool = True
) -> tuple[Remark, ...]:
    """Return the remarks on a series: findings about its admitted slices.

    Parameters
    ----------
    members : sequence of (SliceRecord, Header)
        All slices of the series, with their positions.
    in_mm : bool
        Whether the positions are distances; see ``ordering.Placed``.

    Returns
    -------
    tuple of Remark
        TOO_FEW_SLICES, NOT_AXIAL or GANTRY_TILT, MIXED_GEOMETRY, the remarks of
        ``mixing_rules``, DUPLICATE_POSITION, SLICE_GAP, BONE_KERNEL, CONTRAST, NOT_HEAD, DERIVED
        and the remarks of ``picture_rules``, where found.

    References
    ----------
    DICOM PS3.3 C.7.6.2 (orientation, position, spacing), C.8.2.1 (ConvolutionKernel), C.7.6.4
    (contrast agent), C.7.3.1 (BodyPartExamined), C.7.6.1.1.2 (ImageType).
    """
    admitted = [(r, h) for r, h in members if r.judgement is None]
    if not admitted:
        return ()
    headers = [header for _, header in admitted]
    found: list[Remark] = []
    # A failed slice is a slice of the scan too.
    slices = sum(r.state != "refused" for r, _ in members)
    if slices < FEWEST_SLICES:
        text = f"{slices} slices, fewer than {FEWEST_SLICES}"
        found.append(Remark(Reason.TOO_FEW_SLICES, text))
    found += _direction(headers)
    found += _geometry(headers)
    found += mixing_remarks(admitted, in_mm=in_mm)
    if in_mm:
        found += _gaps(sorted(r.position for r, _ in admitted if r.position is not None))
    found += _kind(headers)
    found += picture_remarks(headers)
    return tuple(found)


def _direction(headers: list[Header]) -> list[Remark]:
    normals = normals_of(headers)
    if not normals:
        return []
    found = []
    tilt = max(math.degrees(math.acos(min(1.0, abs(float(n[2]))))) for n in normals)
    if tilt > 45:
        found.append(Remark(Reason.NOT_AXIAL, f"slices stand {tilt:.1f} degrees from axial"))
    elif tilt > SAME_DIRECTION:
        found.append(Remark(Reason.GANTRY_TILT, f"tilted by {tilt:.1f} degrees"))
    cosines = np.clip([float(np.dot(normal, normals[0])) for normal in normals], -1, 1)
    spread = math.degrees(math.acos(float(cosines.min())))
    if spread > SAME_DIRECTION:
        found.append(Remark(Reason.MIXED_GEOMETRY, f"directions differ by {spread:.1f} degrees"))
    return found


def _geometry(headers: list[Header]) -> list[Remark]:
    sizes = {(h.rows, h.columns) for h in headers}
    spacings = {h.pixel_spacing for h in headers}
    found = []
    if len(sizes) > 1:
        listed = ", ".join(f"{rows} x {columns}" for rows, columns in sorted(sizes, key=str))
        found.append(Remark(Reason.MIXED_GEOMETRY, f"sizes differ: {listed}"))
    if len(spacings) > 1:
        found.append(Remark(Reason.MIXED_GEOMETRY, f"{len(spacings)} different PixelSpacing"))
    return found


def _gaps(positions: list[float]) -> list[Remark]:
    gaps = np.diff(positions)
    found = []
    same = int((gaps < SAME_POSITION).sum())
    if same:
        text = f"slices in one place with another: {same}"
        found.append(Remark(Reason.DUPLICATE_POSITION, text))
    inner = gaps[1:-1]
    missing = (
        inner[inner > MISSING_SLICE * np.maximum(gaps[:-2], gaps[2:])] if len(gaps) > 2 else ()
    )
    if len(missing):
        text = f"gaps where a slice may lack: {len(missing)}, the largest {max(missing):.1f} mm"
        found.append(Remark(Reason.SLICE_GAP, text))
    return found


def _kind(headers: list[Header]) -> list[Remark]:
    found = []
    kernels = sorted({h.kernel for h in headers if _BONE_KERNEL.search(h.kernel.upper())})
    widest = max(h.window[1] for h in headers)
    if kernels or widest >= WIDE_WINDOW:
        text = f"kernel {kernels[0]}" if kernels else f"window width {widest:g}"
        found.append(Remark(Reason.BONE_KERNEL, f"made for bone ({text})"))
    if any(h.contrast for h in headers):
        found.append(Remark(Reason.CONTRAST, "made with contrast agent"))
    elif any(names_contrast(h.description) for h in headers):
        found.append(Remark(Reason.CONTRAST, "SeriesDescription says that contrast was given"))
    parts = sorted({h.body_part for h in headers if h.body_part})
    if parts and not any(map(names_head, parts)):
        found.append(Remark(Reason.NOT_HEAD, f"BodyPartExamined {', '.join(parts)}"))
    elif described := part_by_description(headers):
        found.append(Remark(Reason.NOT_HEAD, described))
    if any(h.image_type[:1] == ("DERIVED",) for h in headers):
        found.append(Remark(Reason.DERIVED, f"ImageType {'/'.join(headers[0].image_type)}"))
    return found
