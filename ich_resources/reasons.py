"""Reason codes: why a slice, a file or a series is refused, has failed, or gets a warning.

Refused: the file should not be scored, for example a localizer. This is not an error.
Failed: the file should be scored and cannot be, for example a truncated slice. The result of its
series is then incomplete.
"""

from enum import StrEnum


class Reason(StrEnum):
    """The reason codes. The ledger has a sentence beside each code that says what was found."""

    # Refused slices and files.
    NOT_CT = "NOT_CT"
    LOCALIZER = "LOCALIZER"
    DOSE_REPORT = "DOSE_REPORT"
    SECONDARY_CAPTURE = "SECONDARY_CAPTURE"
    MULTIFRAME = "MULTIFRAME"
    PICTURE = "PICTURE"
    OTHER_UNIT = "OTHER_UNIT"
    DICOMDIR = "DICOMDIR"
    BAD_UID = "BAD_UID"
    NO_SERIES_UID = "NO_SERIES_UID"
    ODD_SLICE = "ODD_SLICE"
    ARCHIVE = "ARCHIVE"
    # Remarks on a whole series. The policy decides between a refusal and a warning.
    TOO_FEW_SLICES = "TOO_FEW_SLICES"
    NOT_AXIAL = "NOT_AXIAL"
    MIXED_GEOMETRY = "MIXED_GEOMETRY"
    MIXED_STUDIES = "MIXED_STUDIES"
    MIXED_FRAMES = "MIXED_FRAMES"
    MIXED_ACQUISITIONS = "MIXED_ACQUISITIONS"
    ORDER_ASSUMED = "ORDER_ASSUMED"
    SENT_AGAIN = "SENT_AGAIN"
    NOT_UPRIGHT = "NOT_UPRIGHT"
    NOT_SQUARE = "NOT_SQUARE"
    HEAD_CUT = "HEAD_CUT"
    DUPLICATE_POSITION = "DUPLICATE_POSITION"
    SLICE_GAP = "SLICE_GAP"
    GANTRY_TILT = "GANTRY_TILT"
    BONE_KERNEL = "BONE_KERNEL"
    CONTRAST = "CONTRAST"
    NOT_HEAD = "NOT_HEAD"
    DERIVED = "DERIVED"
    NOT_BRAIN_WINDOW = "NOT_BRAIN_WINDOW"
    WINDOW_ASSUMED = "WINDOW_ASSUMED"
    BETTER_SIBLING = "BETTER_SIBLING"
    # Remarks that need the pixels.
    FEW_GRAY_LEVELS = "FEW_GRAY_LEVELS"
    EMPTY_SLICES = "EMPTY_SLICES"
    MENDED = "MENDED"
    # A remark on the DICOM objects that were asked for.
    NO_OBJECTS = "NO_OBJECTS"
    # Failed slices and files.
    UNREADABLE = "UNREADABLE"
    BAD_HEADER = "BAD_HEADER"
    NO_PIXELS = "NO_PIXELS"
    NO_POSITION = "NO_POSITION"
    BAD_WINDOW = "BAD_WINDOW"
    BAD_RESCALE = "BAD_RESCALE"
    BAD_BITS = "BAD_BITS"
    MODALITY_LUT = "MODALITY_LUT"
    NOT_HU = "NOT_HU"
    CONSTANT = "CONSTANT"
    SIZE_MISMATCH = "SIZE_MISMATCH"
    DECODER_MISSING = "DECODER_MISSING"
    DECODE_FAILED = "DECODE_FAILED"
    DUPLICATE_UID = "DUPLICATE_UID"
    OVER_LIMIT = "OVER_LIMIT"
    CHANGED = "CHANGED"
