"""Which instances are slices of a head CT to be scored, judged by their headers alone."""

from collections.abc import Sequence
from dataclasses import replace

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
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, SliceRecord
from ich_resources.uids import is_uid

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
_DOSE_WORDS = ("DOSE", "EXAM SUMMARY", "PATIENT PROTOCOL")


def judge_file(header: Header) -> Judgement | None:
    """Judge whether a file can belong to a series at all.

    Returns
    -------
    Judgement or None
        None for a file that names its series, its study and itself.
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
        if not is_uid(uid):
            shown = repr(uid if len(uid) <= 80 else uid[:80] + "...")
            return _refused(Reason.BAD_UID, f"{keyword} {shown} is no UID ({len(uid)} characters)")
    return None


def judge_slice(header: Header) -> Judgement | None:
    """Judge whether an instance of a series is a slice to be scored.

    Returns
    -------
    Judgement or None
        None for an admitted slice.

    References
    ----------
    DICOM PS3.3: ImageType C.7.6.1.1.2 and C.8.2.1.1.1, secondary capture A.8, CT image A.3.
    """
    return _judge_kind(header) or _judge_usability(header)


def judge_rescale(members: Sequence[tuple[SliceRecord, Header]]) -> list[SliceRecord]:
    """Fail the admitted slices of a series that lack the rescale which another has.

    Where none has it, the stored values are HU; where one lacks it, its values are most likely a
    thousand HU off.

    Returns
    -------
    list of SliceRecord
        In the order given.
    """
    rescaled = any(record.judgement is None and header.has_rescale for record, header in members)
    lacking = "no RescaleSlope or no RescaleIntercept, which other slices of its series have"
    return [
        replace(record, judgement=_failed(Reason.BAD_RESCALE, lacking))
        if rescaled and record.judgement is None and header.has_rescale is False
        else record
        for record, header in members
    ]


def _judge_kind(header: Header) -> Judgement | None:
    kinds = header.image_type
    words = " ".join((*kinds, header.description.upper()))
    if header.sop_class_uid in _DOSE_REPORTS:
        return _refused(Reason.DOSE_REPORT, "a radiation dose report, no image")
    if _is_secondary_capture(header):
        if any(word in words for word in _DOSE_WORDS):
            return _refused(Reason.DOSE_REPORT, f"a dose page ({header.description or words})")
        return _refused(Reason.SECONDARY_CAPTURE, "a secondary capture, not a CT image")
    if header.sop_class_uid in _MULTIFRAME or header.frames > 1:
        return _refused(
            Reason.MULTIFRAME, f"multi-frame CT is not read yet ({header.frames} frames)"
        )
    if header.modality != "CT" or header.sop_class_uid != CTImageStorage:
        modality = header.modality or "none"
        return _refused(Reason.NOT_CT, f"modality {modality}, SOP class {header.sop_class_uid}")
    if "LOCALIZER" in kinds or "SCOUT" in kinds:
        return _refused(Reason.LOCALIZER, f"a localizer (ImageType {'/'.join(kinds)})")
    return None


def _is_secondary_capture(header: Header) -> bool:
    """Return whether an image was captured from a screen; reformats keep their geometry."""
    if header.sop_class_uid in _SECONDARY_CAPTURES:
        return True
    has_geometry = header.position is not None and header.orientation is not None
    return "SECONDARY" in header.image_type[1:2] and not has_geometry


def _judge_usability(header: Header) -> Judgement | None:
    center, width = header.window
    slope, _ = header.rescale
    if header.malformed:
        return _failed(Reason.BAD_HEADER, header.malformed)
    if not header.has_pixels:
        return _failed(Reason.NO_PIXELS, "it has no PixelData, or ends inside it")
    if not header.rows or not header.columns:
        return _failed(Reason.SIZE_MISMATCH, f"Rows {header.rows}, Columns {header.columns}")
    if header.samples != 1:
        return _failed(Reason.SIZE_MISMATCH, f"SamplesPerPixel {header.samples}, not 1")
    if header.position is None and header.slice_location is None:
        return _failed(
            Reason.NO_POSITION, "neither ImagePositionPatient nor SliceLocation: no place in order"
        )
    # Also catches width 1: width // 2 is 0, and every slice would become black.
    if width // 2 <= 0:
        return _failed(Reason.BAD_WINDOW, f"WindowWidth {width:g} at center {center:g} is empty")
    if slope == 0:
        return _failed(Reason.BAD_RESCALE, "RescaleSlope 0 makes every pixel the same")
    return None


def _refused(code: Reason, reason: str) -> Judgement:
    return Judgement("refused", code, reason)


def _failed(code: Reason, reason: str) -> Judgement:
    return Judgement("failed", code, reason)
