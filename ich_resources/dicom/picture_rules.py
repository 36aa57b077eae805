"""Remarks on how the head lies in its pictures: turned, stretched or cut."""

import math
from collections.abc import Sequence

from ich_resources.dicom.geometry import slice_normal, spans_plane
from ich_resources.dicom.header import Header
from ich_resources.reasons import Reason
from ich_resources.series import Remark

MOST_TURNED = 30.0
"""Pictures that are turned by more, in degrees, are not upright. Training turned them by up to 30
degrees (docs/reference.md, section 2)."""
SMALLEST_FIELD = 225.0
"""Smallest field of view, in mm, whose middle 80 % (180 mm) holds the width of a head: the networks
see the centre crop of 0.8 (docs/reference.md, section 2)."""
STRETCHED = 0.01
"""Largest difference between height and width of a square picture, as a share."""

_SUPINE = ("HFS", "FFS")


def picture_remarks(headers: Sequence[Header]) -> list[Remark]:
    """Return NOT_UPRIGHT, NOT_SQUARE and HEAD_CUT, where found; they change no number.

    Parameters
    ----------
    headers : sequence of Header
        Headers of the admitted slices of one series.

    References
    ----------
    DICOM PS3.3 C.7.6.2.1.1 (orientation), C.7.3.1.1.2 (PatientPosition), 10.7.1.3 (PixelSpacing).
    """
    found = []
    turned = next((text for h in headers if (text := _not_upright(h))), "")
    if turned:
        found.append(Remark(Reason.NOT_UPRIGHT, turned))
    stretched = next((text for h in headers if (text := _not_square(h))), "")
    if stretched:
        found.append(Remark(Reason.NOT_SQUARE, stretched))
    fields = [field for h in headers if (field := _field_of_view(h))]
    smallest = min((min(field) for field in fields), default=SMALLEST_FIELD)
    if smallest < SMALLEST_FIELD - 0.1:
        text = f"the field of view is {smallest:.0f} mm: the networks may not see the whole head"
        found.append(Remark(Reason.HEAD_CUT, text))
    return found


def _not_upright(header: Header) -> str:
    """Return how rows and columns differ from an upright head, seen from the feet."""
    turned = _turned(header.orientation) if header.orientation else ""
    if turned:
        return turned
    position = header.patient_position
    if position and position[:3] not in _SUPINE:
        return f"the patient does not lie on the back (PatientPosition {position[:16]})"
    return ""


def _turned(orientation: tuple[float, ...]) -> str:
    if not spans_plane(orientation) or slice_normal(orientation)[2] < math.cos(math.radians(45)):
        return ""  # another plane: NOT_AXIAL
    # The row of an upright head goes to the patient's left (+x), the column to the back (+y).
    row_x, row_y, _, column_x, column_y, _ = orientation
    if row_x * column_y - row_y * column_x < 0:
        return "the picture is mirrored"
    degrees = math.degrees(math.atan2(row_y - column_x, row_x + column_y))
    if abs(degrees) > 180 - MOST_TURNED:
        return "the picture is upside down"
    if abs(degrees) > MOST_TURNED:
        return f"the picture is turned by {abs(degrees):.0f} degrees"
    return ""


def _not_square(header: Header) -> str:
    height, width = _field_of_view(header) or (header.rows or 1, header.columns or 1)
    square = header.rows == header.columns and abs(height / width - 1) <= STRETCHED
    if square:
        return ""
    spacing = header.pixel_spacing
    size = f"{header.rows} rows and {header.columns} columns"
    if spacing:
        size += f" of {spacing[0]:g} x {spacing[1]:g} mm"
    return f"{size}: the networks see it as a square"


def _field_of_view(header: Header) -> tuple[float, float] | None:
    """Return height and width, in mm; None where a size or spacing lacks or is not positive."""
    if not (header.pixel_spacing and header.rows and header.columns):
        return None
    field = header.rows * header.pixel_spacing[0], header.columns * header.pixel_spacing[1]
    return field if min(field) > 0 else None
