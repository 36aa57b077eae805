"""What a whole series says of itself: remarks that a policy turns into refusals or warnings."""

import math
import re
from collections.abc import Sequence

import numpy as np

from ich_resources.dicom.geometry import slice_normal, spans_plane
from ich_resources.dicom.header import Header
from ich_resources.reasons import Reason
from ich_resources.series import Remark, SliceRecord

FEWEST_SLICES = 3
"""Fewer slices than these are no head CT."""
SAME_PLACE = 0.01
"""Slices closer than this lie in one place, in mm."""
SAME_DIRECTION = 1.0
"""Slice normals that differ less are one direction, in degrees."""
MISSING_SLICE = 1.8
"""A gap this much larger than both its neighbours lacks a slice. One that changes for good is
ordinary: sequential head CT takes thin slices below and thick ones above."""
WIDE_WINDOW = 1000.0
"""A header window at least this wide shows bone, in HU."""

_BONE_KERNEL = re.compile(
    r"BONE|EDGE|LUNG|DETAIL"  # GE
    r"|^[HUBJ]R?[6-9][0-9]"  # Siemens: H60s, U70u, B70f, Hr64h
    r"|^Y?[DE]$"  # Philips
    r"|^FC(3[0-9]|[58][0-9])"  # Canon, Toshiba
)
_HEAD = ("HEAD", "BRAIN", "SKULL", "CRANI", "NEURO")


def remarks(members: Sequence[tuple[SliceRecord, Header]]) -> tuple[Remark, ...]:
    """Return what is worth knowing of the admitted slices of one series.

    Parameters
    ----------
    members : sequence of (SliceRecord, Header)
        All slices of the series, with their positions.
    """
    admitted = [(r, h) for r, h in members if r.judgement is None]
    if not admitted:
        return ()
    headers = [header for _, header in admitted]
    found: list[Remark] = []
    # A slice that fails is a slice of the scan all the same.
    meant = sum(r.state != "refused" for r, _ in members)
    if meant < FEWEST_SLICES:
        text = f"{meant} slices, fewer than {FEWEST_SLICES}"
        found.append(Remark(Reason.TOO_FEW_SLICES, text))
    found += _direction(headers)
    found += _geometry(headers)
    found += _studies(headers)
    found += _gaps(sorted(r.position for r, _ in admitted if r.position is not None))
    found += _kind(headers)
    return tuple(found)


def _direction(headers: list[Header]) -> list[Remark]:
    # Where SliceLocation gives the order, nobody has looked at the orientation yet.
    normals = [
        slice_normal(h.orientation) for h in headers if h.orientation and spans_plane(h.orientation)
    ]
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


def _studies(headers: list[Header]) -> list[Remark]:
    # Two people's slices may be in it: a sender has given one SeriesInstanceUID twice.
    studies = sorted({h.study_instance_uid for h in headers})
    if len(studies) < 2:
        return []
    return [Remark(Reason.MIXED_STUDIES, f"slices of {len(studies)} studies: {', '.join(studies)}")]


def _gaps(positions: list[float]) -> list[Remark]:
    gaps = np.diff(positions)
    found = []
    doubled = int((gaps < SAME_PLACE).sum())
    if doubled:
        text = f"slices in one place with another: {doubled}"
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
    parts = sorted({h.body_part for h in headers if h.body_part})
    if parts and not any(word in part for part in parts for word in _HEAD):
        found.append(Remark(Reason.NOT_HEAD, f"BodyPartExamined {', '.join(parts)}"))
    if any(h.image_type[:1] == ("DERIVED",) for h in headers):
        found.append(Remark(Reason.DERIVED, f"ImageType {'/'.join(headers[0].image_type)}"))
    return found
