"""Judge by the header whether the stored values of a CT image can become HU."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from ich_resources.dicom.header import Header
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, SliceRecord

_CODED = re.compile(r"[A-Z0-9_ ]{1,16}", re.ASCII)
_GRAY = ("MONOCHROME1", "MONOCHROME2", "")
_HOUNSFIELD = ("HU", "US", "")
_SLOPES = (1e-3, 1e2)
"""Slopes of HU, without their sign. Other slopes make one value of all pixels, or leave CT."""
_BRAIN_HU = (0.0, 80.0)
PICTURE_BITS = 8
"""Slices with at most this many bits are pictures: CT has 12 to 16 (DICOM PS3.3 C.8.2.1)."""


def judge_meaning(header: Header) -> Judgement | None:
    """Refuse pictures, and maps of another quantity than HU.

    Parameters
    ----------
    header : Header
        Header values of a CT image.

    Returns
    -------
    Judgement or None
        ``refused`` with the code PICTURE or OTHER_UNIT; None for gray values of HU.

    References
    ----------
    DICOM PS3.3 C.8.2.1 (bits, photometric interpretation), C.11.1.1.2 (unit of the rescale).
    """
    if _is_colour(header):
        text = f"a colour picture ({_word(header.photometric)}, not gray)"
        return _refused(Reason.PICTURE, text)
    bits = header.bits_stored or header.bits_allocated
    if bits is not None and bits <= PICTURE_BITS:
        text = f"a picture of {bits} bits; CT has at least 12 (BitsStored)"
        return _refused(Reason.PICTURE, text)
    if header.rescale_type not in _HOUNSFIELD:
        text = f"its values are not HU (RescaleType {_word(header.rescale_type)})"
        return _refused(Reason.OTHER_UNIT, text)
    return None


def _is_colour(header: Header) -> bool:
    return header.samples != 1 or header.photometric not in _GRAY


def _word(text: str) -> str:
    """Return a coded value, but no other text of a file."""
    return text if _CODED.fullmatch(text) else "of another kind"


def judge_stored_values(header: Header) -> Judgement | None:
    """Fail a slice whose stored values cannot become HU as the header says.

    Parameters
    ----------
    header : Header
        Header values of a CT image.

    Returns
    -------
    Judgement or None
        ``failed`` with the code BAD_BITS, MODALITY_LUT or BAD_RESCALE; None if nothing is wrong.

    References
    ----------
    DICOM PS3.3 C.8.2.1 and PS3.5 section 8.1 (bits), PS3.3 C.11.1 (modality LUT and rescale).
    """
    allocated, stored, high = header.bits_allocated, header.bits_stored, header.high_bit
    if allocated not in (16, None):
        return _failed(Reason.BAD_BITS, f"BitsAllocated {allocated}; CT has 16")
    if stored is not None and stored > 16:
        return _failed(Reason.BAD_BITS, f"BitsStored {stored} in 16 bits")
    if stored is not None and high is not None and high + 1 != stored:
        return _failed(Reason.BAD_BITS, f"HighBit {high} does not fit BitsStored {stored}")
    if header.modality_lut:
        return _failed(Reason.MODALITY_LUT, "a ModalityLUTSequence, which is not applied")
    fault = _rescale_fault(header)
    return _failed(Reason.BAD_RESCALE, fault) if fault else None


def _rescale_fault(header: Header) -> str:
    slope, intercept = header.rescale
    if slope == 0:
        return "RescaleSlope 0 makes every pixel the same"
    unsigned = header.pixel_representation == 0
    if unsigned and header.has_rescale is False:
        return "unsigned values without a whole rescale cannot be HU, since air is negative"
    if not _SLOPES[0] <= abs(slope) <= _SLOPES[1]:
        return f"RescaleSlope {slope:g} gives no HU"
    if header.pixel_representation is None or header.bits_stored is None:
        return ""  # an earlier version read the file
    span = 2.0**header.bits_stored
    lowest = 0.0 if unsigned else -span / 2
    ends = sorted(value * slope + intercept for value in (lowest, lowest + span - 1))
    if not all(map(math.isfinite, ends)) or ends[0] > _BRAIN_HU[1] or ends[1] < _BRAIN_HU[0]:
        return f"the rescale gives {ends[0]:g} to {ends[1]:g} HU, which holds no brain"
    return ""


def judge_values(members: Sequence[tuple[SliceRecord, Header]]) -> list[SliceRecord]:
    """Fail slices whose values do not fit those of the other slices of their series.

    These are slices without rescale, where others have one, and gray pictures between slices of
    CT. A picture alone, or a series of pictures, is refused; here a slice would be lost unsaid.

    Parameters
    ----------
    members : sequence of (SliceRecord, Header)
        All slices of one series.

    Returns
    -------
    list of SliceRecord
        The records, in the order given.
    """
    records = judge_rescale(members)
    if all(record.judgement is not None for record in records):
        return records
    bits = "a picture of {} bits between slices of CT"
    return [
        replace(record, judgement=_failed(Reason.BAD_BITS, bits.format(header.bits_stored)))
        if record.judgement is not None
        and record.judgement.code == Reason.PICTURE
        and not _is_colour(header)
        else record
        for record, (_, header) in zip(records, members, strict=True)
    ]


def judge_rescale(members: Sequence[tuple[SliceRecord, Header]]) -> list[SliceRecord]:
    """Fail admitted slices without rescale in a series where another slice has one.

    If no slice has a rescale, the stored values are taken as HU. If some have one, the values of a
    slice without it are probably wrong by about 1000 HU.

    Parameters
    ----------
    members : sequence of (SliceRecord, Header)
        All slices of one series.

    Returns
    -------
    list of SliceRecord
        The records, in the order given.
    """
    rescaled = any(record.judgement is None and header.has_rescale for record, header in members)
    lacking = "no RescaleSlope or no RescaleIntercept, which other slices of its series have"
    return [
        replace(record, judgement=_failed(Reason.BAD_RESCALE, lacking))
        if rescaled and record.judgement is None and header.has_rescale is False
        else record
        for record, header in members
    ]


def _refused(code: Reason, reason: str) -> Judgement:
    return Judgement("refused", code, reason)


def _failed(code: Reason, reason: str) -> Judgement:
    return Judgement("failed", code, reason)
