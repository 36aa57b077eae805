"""Overlay secondary captures: the slice, its saliency and its numbers, where the source lies.

DICOM PS3.3 A.8.1. Position and orientation are not part of that object; viewers use them all the
same, and lay the picture where its slice is.
"""

from collections.abc import Iterable, Iterator, Sequence

import cv2
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, SecondaryCaptureImageStorage

from ich_resources.dicom_objects.lettering import Picture, burnt, overlay_lines, summary_page
from ich_resources.dicom_objects.scored import RESEARCH, Scored, object_uid
from ich_resources.dicom_objects.source import Plane, Texts, value
from ich_resources.dicom_objects.terms import SOURCE_IMAGE

SYNTAX = JPEGBaseline8Bit
SERIES_NUMBER = 9901
NAME, SUMMARY = "overlay", "summary"
_QUALITY = 90
_SAMPLING_422 = 0x211111
"""What OpenCV calls the sampling that YBR_FULL_422 promises."""


def captures(
    scored: Scored,
    overlays: Iterable[Picture],
    headers: Sequence[Texts],
    planes: Sequence[Plane] | None,
    version: str,
) -> Iterator[tuple[str, Dataset]]:
    """Yield the summary page and the overlays, with a name each; a slice is drawn when its turn is.

    Parameters
    ----------
    scored : Scored
        The result.
    overlays : iterable of uint8 array, shape (rows, columns, 3)
        The slices with a map, painted, RGB, at the size of their source.
    headers : sequence of mapping
        Of all slices.
    planes : sequence of Plane or None
        Where they lie. None: the overlays have no geometry.
    version : str
        ``objects_version``.
    """
    yield SUMMARY, _capture(summary_page(scored), headers[0], version, 0)
    warning = [RESEARCH, *([scored.banner] if scored.banner else [])]
    for number, picture in enumerate(overlays):
        index = scored.first_map + number
        header, target = headers[index], scored.targets[number]
        lines = overlay_lines(scored, index, target, value(header, "InstanceNumber"))
        capture = _capture(burnt(picture, warning, lines), header, version, number + 1)
        _refer(capture, header)
        if planes is not None:
            _place(capture, header, planes[index])
        yield f"{NAME}_{index + 1:04}", capture


def _capture(picture: Picture, header: Texts, version: str, number: int) -> Dataset:
    """Return a picture as a secondary capture without geometry."""
    jpeg = cv2.imencode(
        ".jpg",
        cv2.cvtColor(picture, cv2.COLOR_RGB2BGR),
        [
            *(cv2.IMWRITE_JPEG_QUALITY, _QUALITY),
            *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SAMPLING_422),
        ],
    )[1].tobytes()
    capture = Dataset()
    capture.SOPClassUID = SecondaryCaptureImageStorage
    capture.SOPInstanceUID = object_uid(version, NAME, number)
    capture.StudyInstanceUID = value(header, "StudyInstanceUID")
    capture.SeriesInstanceUID = object_uid(version, "series of overlays")
    capture.Modality, capture.ConversionType = "OT", "WSD"
    capture.SeriesNumber, capture.InstanceNumber = SERIES_NUMBER, number + 1
    capture.SeriesDescription = "ich saliency overlays, RESEARCH USE ONLY"
    capture.BodyPartExamined = "HEAD"
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.PatientOrientation = ""
    capture.BurnedInAnnotation = "YES"
    capture.SamplesPerPixel, capture.PhotometricInterpretation = 3, "YBR_FULL_422"
    capture.PlanarConfiguration = 0
    capture.Rows, capture.Columns = picture.shape[:2]
    capture.BitsAllocated = capture.BitsStored = 8
    capture.HighBit, capture.PixelRepresentation = 7, 0
    capture.LossyImageCompression = "01"
    capture.LossyImageCompressionRatio = round(picture.nbytes / len(jpeg), 2)
    capture.LossyImageCompressionMethod = "ISO_10918_1"
    capture.PixelData = encapsulate([jpeg])
    return capture


def _refer(capture: Dataset, header: Texts) -> None:
    """Name the slice that an overlay was made from."""
    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator = SOURCE_IMAGE.value, "DCM"
    purpose.CodeMeaning = SOURCE_IMAGE.meaning
    source = Dataset()
    source.ReferencedSOPClassUID = value(header, "SOPClassUID")
    source.ReferencedSOPInstanceUID = value(header, "SOPInstanceUID")
    source.PurposeOfReferenceCodeSequence = [purpose]
    capture.SourceImageSequence = [source]
    capture.DerivationDescription = "Windowed slice with the saliency of networks laid over it"


def _place(capture: Dataset, header: Texts, plane: Plane) -> None:
    """Lay an overlay where its slice lies."""
    capture.FrameOfReferenceUID = value(header, "FrameOfReferenceUID")
    capture.PositionReferenceIndicator = value(header, "PositionReferenceIndicator")
    # As texts: the shortest that a number of single precision in a file comes from.
    capture.ImagePositionPatient = list(header["ImagePositionPatient"])
    capture.ImageOrientationPatient = list(header["ImageOrientationPatient"])
    capture.PixelSpacing = list(header["PixelSpacing"])
    if plane.thickness is not None:
        capture.SliceThickness = plane.thickness
