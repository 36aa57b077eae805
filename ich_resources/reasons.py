"""Machine-readable reasons why a slice or a file is refused or has failed.

Refused: not meant to be scored (a localizer beside the scan); nothing is wrong.
Failed: meant to be scored, but cannot be (a truncated file); the result is incomplete.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Reason codes; the sentence beside a code in the ledger says what was seen."""

    # refused
    NOT_CT = "NOT_CT"
    LOCALIZER = "LOCALIZER"
    DOSE_REPORT = "DOSE_REPORT"
    SECONDARY_CAPTURE = "SECONDARY_CAPTURE"
    MULTIFRAME = "MULTIFRAME"
    DICOMDIR = "DICOMDIR"
    BAD_UID = "BAD_UID"
    NO_SERIES_UID = "NO_SERIES_UID"
    # remarks on a whole series: refused or only warned of, as the policy says
    TOO_FEW_SLICES = "TOO_FEW_SLICES"
    NOT_AXIAL = "NOT_AXIAL"
    MIXED_GEOMETRY = "MIXED_GEOMETRY"
    MIXED_STUDIES = "MIXED_STUDIES"
    DUPLICATE_POSITION = "DUPLICATE_POSITION"
    SLICE_GAP = "SLICE_GAP"
    GANTRY_TILT = "GANTRY_TILT"
    BONE_KERNEL = "BONE_KERNEL"
    CONTRAST = "CONTRAST"
    NOT_HEAD = "NOT_HEAD"
    DERIVED = "DERIVED"
    BETTER_SIBLING = "BETTER_SIBLING"
    # failed
    UNREADABLE = "UNREADABLE"
    BAD_HEADER = "BAD_HEADER"
    NO_PIXELS = "NO_PIXELS"
    NO_POSITION = "NO_POSITION"
    BAD_WINDOW = "BAD_WINDOW"
    BAD_RESCALE = "BAD_RESCALE"
    SIZE_MISMATCH = "SIZE_MISMATCH"
    DECODER_MISSING = "DECODER_MISSING"
    DECODE_FAILED = "DECODE_FAILED"
    DUPLICATE_UID = "DUPLICATE_UID"
    CHANGED = "CHANGED"
