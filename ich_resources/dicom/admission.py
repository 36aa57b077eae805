"""Judge by the header whether an instance is a CT slice that can be scored."""

from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedXRayRadiationDoseSRStorage,
    LegacyConvertedEnhancedCTImageStorage,
    MediaStorageDirectoryStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    PatientRadiationDoseSRStorage,
    SecondaryCaptureImageStorage,
    XRayRadiationDoseSRStorage,
)

from ich_resources.dicom.header import Header
from ich_resources.dicom.limits import PIXELS
from ich_resources.dicom.value_rules import judge_meaning, judge_stored_values
from ich_resources.dicom.windows import window_fault
from ich_resources.reasons import Reason
from ich_resources.series import Judgement
from ich_resources.uids import is_uid, names_a_series

_DOSE_REPORTS = {
    XRayRadiationDoseSRStorage,
    EnhancedXRayRadiationDoseSRStorage,
    PatientRadiationDoseSRStorage,
}
_SECONDARY_CAPTURES = {
    SecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
}
_MULTIFRAME = {EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage}
SMALLEST_SIDE = 32
"""Fewest rows and columns of a slice."""
_DOSE_WORDS = ("DOSE", "EXAM SUMMARY", "PATIENT PROTOCOL")


def judge_file(header: Header) -> Judgement | None:
    """Judge whether a file belongs to a series.

    Parameters
    ----------
    header : Header
        Its header values.

    Returns
    -------
    Judgement or None
        None if the file has usable identifiers of instance, series and study. ``refused`` with
        the code DICOMDIR, NO_SERIES_UID or BAD_UID, or ``failed`` with the code UNREADABLE,
        otherwise.

    References
    ----------
    DICOM PS3.3 C.7.2.1, C.7.3.1, C.12.1 (the UIDs), F.3 (DICOMDIR); PS3.5 section 9.1 (UIDs).
    """
    if header.sop_class_uid == MediaStorageDirectoryStorage:
        return _refused(Reason.DICOMDIR, "a directory of files, not an image")
    if not header.series_instance_uid:
        if header.malformed or not header.has_pixels:
            return _failed(Reason.UNREADABLE, header.malformed or "the header ends early")
        return _refused(Reason.NO_SERIES_UID, "it has no SeriesInstanceUID")
    uids = {
        "SeriesInstanceUID": header.series_instance_uid,
        "SOPInstanceUID": header.sop_instance_uid,
        "StudyInstanceUID": header.study_instance_uid,
    }
    for keyword, uid in uids.items():
        # Not quoted: it may be anything.
        if not is_uid(uid):
            text = f"{keyword} is not a safe file name ({len(uid)} characters)"
            return _refused(Reason.BAD_UID, f"{text}: see BAD_UID in docs/codes.md")
    if not names_a_series(header.series_instance_uid):
        text = "SeriesInstanceUID has three dots in a row, so that it cannot name a partition"
        return _refused(Reason.BAD_UID, text)
    return None


def judge_slice(header: Header) -> Judgement | None:
    """Judge whether an instance of a series is a slice that can be scored.

    Parameters
    ----------
    header : Header
        Its header values.

    Returns
    -------
    Judgement or None
        None for an admitted slice; else ``refused`` or ``failed``, with the code of the first rule
        that it breaks.

    References
    ----------
    DICOM PS3.3 A.3 (CT image), A.8 (secondary capture), A.38 (enhanced CT), A.35 (dose reports),
    C.7.6.1.1.2 and C.8.2.1.1.1 (ImageType), C.11.2.1.2 (window), C.11.1.1.2 (rescale and its
    unit), C.11.1 (modality LUT), C.8.2.1 and C.7.6.3.1 (bits; photometric interpretation).
    """
    return _judge_kind(header) or _judge_usability(header)


def _judge_kind(header: Header) -> Judgement | None:
    kinds = header.image_type
    words = " ".join((*kinds, header.description.upper()))
    if header.sop_class_uid in _DOSE_REPORTS:
        return _refused(Reason.DOSE_REPORT, "a radiation dose report, no image")
    if _is_secondary_capture(header):
        if any(word in words for word in _DOSE_WORDS):
            return _refused(Reason.DOSE_REPORT, f"a dose page ({header.description or words})")
        return _refused(Reason.SECONDARY_CAPTURE, "a secondary capture, not a CT image")
    is_ct = header.modality == "CT" and _has_ct_class(header)
    if header.sop_class_uid in _MULTIFRAME or (is_ct and header.frames > 1):
        return _refused(
            Reason.MULTIFRAME, f"multi-frame CT is not read yet ({header.frames} frames)"
        )
    if not is_ct:
        modality, sop_class = header.modality or "none", header.sop_class_uid or "none"
        return _refused(Reason.NOT_CT, f"modality {modality}, SOP class {sop_class}")
    if "LOCALIZER" in kinds or "SCOUT" in kinds:
        return _refused(Reason.LOCALIZER, f"a localizer (ImageType {'/'.join(kinds)})")
    return judge_meaning(header)


def _has_ct_class(header: Header) -> bool:
    """Return whether the class is CT. Research data name none: the place in the patient tells.

    A file without pixels is taken as CT: it is truncated, and fails.
    """
    if header.sop_class_uid:
        return header.sop_class_uid == CTImageStorage
    has_place = header.position is not None or header.slice_location is not None
    return has_place or bool(header.malformed) or not header.has_pixels


def _is_secondary_capture(header: Header) -> bool:
    """Return whether an image is a screen capture. Reformatted slices have a geometry."""
    if header.sop_class_uid in _SECONDARY_CAPTURES:
        return True
    has_geometry = header.position is not None and header.orientation is not None
    return "SECONDARY" in header.image_type[1:2] and not has_geometry


def _judge_usability(header: Header) -> Judgement | None:
    if header.malformed:
        return _failed(Reason.BAD_HEADER, header.malformed)
    if not header.has_pixels:
        return _failed(Reason.NO_PIXELS, "it has no PixelData, or ends inside it")
    rows, columns = header.rows or 0, header.columns or 0
    if min(rows, columns) < SMALLEST_SIDE:
        text = f"Rows {header.rows}, Columns {header.columns}: less than {SMALLEST_SIDE}"
        return _failed(Reason.SIZE_MISMATCH, text)
    if rows * columns > PIXELS:
        text = f"Rows {header.rows} x Columns {header.columns} are more than {PIXELS} pixels"
        return _failed(Reason.OVER_LIMIT, text)
    if header.position is None and header.slice_location is None:
        return _failed(
            Reason.NO_POSITION, "neither ImagePositionPatient nor SliceLocation: no place in order"
        )
    fault = window_fault(header.window)
    return _failed(Reason.BAD_WINDOW, fault) if fault else judge_stored_values(header)


def _refused(code: Reason, reason: str) -> Judgement:
    return Judgement("refused", code, reason)


def _failed(code: Reason, reason: str) -> Judgement:
    return Judgement("failed", code, reason)
