"""The values of one DICOM header that are used here."""

from dataclasses import dataclass, fields
from typing import Any

from ich_resources.dicom.windows import Window


@dataclass(frozen=True)
class Header:
    """The header values that admission, order and window need.

    Attributes
    ----------
    sop_class_uid : str
        SOPClassUID, or MediaStorageSOPClassUID of the file meta information.
    sop_instance_uid, series_instance_uid, study_instance_uid : str
        SOPInstanceUID, SeriesInstanceUID and StudyInstanceUID.
    modality : str
        Modality, in upper case.
    image_type : tuple of str
        The values of ImageType, in upper case (DICOM PS3.3 C.7.6.1.1.2).
    description : str
        SeriesDescription.
    rows, columns : int or None
        Rows and Columns.
    frames, samples : int
        NumberOfFrames and SamplesPerPixel; 1 where absent.
    has_pixels : bool
        Whether the file has PixelData.
    position, orientation : tuple of float or None
        ImagePositionPatient (3 values, mm) and ImageOrientationPatient (6 direction cosines;
        DICOM PS3.3 C.7.6.2.1.1).
    slice_location : float or None
        SliceLocation, in mm.
    window : tuple of float
        WindowCenter and WindowWidth, in HU: the first pair, or 40 and 80 without a pair
        (DICOM PS3.3 C.11.2.1.2; docs/reference.md, section 1).
    rescale : tuple of float
        RescaleSlope and RescaleIntercept; 1 and 0 where absent (DICOM PS3.3 C.11.1.1.2).
    pixel_spacing : tuple of float or None
        PixelSpacing: distance of rows and of columns, in mm.
    thickness : float or None
        SliceThickness, in mm.
    kernel, body_part : str
        ConvolutionKernel and BodyPartExamined, in upper case; empty where absent.
    contrast : bool
        Whether ContrastBolusAgent, its sequence or ContrastBolusVolume name an agent.
    malformed : str
        The first attribute that cannot be read, and the reason; empty if there is none.
    has_rescale : bool or None
        Whether the file has both values of the rescale; None if an earlier version read the file.
    frame_of_reference : str
        FrameOfReferenceUID; empty if absent or not known.
    acquisition, instance_number : int or None
        AcquisitionNumber and InstanceNumber; None if absent or not known.
    patient_position : str
        PatientPosition, in upper case: HFS, HFP, ... (DICOM PS3.3 C.7.3.1.1.2).
    study_description, protocol : str
        StudyDescription and ProtocolName.
    manufacturer, model : str or None
        Manufacturer and ManufacturerModelName of the scanner; empty if absent, None if an earlier
        version read the file.
    windows : tuple of (float, float) or None
        Every pair of WindowCenter and WindowWidth, in HU. None if an earlier version read the
        file.
    pixel_representation, bits_allocated, bits_stored, high_bit : int or None
        PixelRepresentation (0 unsigned, 1 signed), BitsAllocated, BitsStored and HighBit
        (DICOM PS3.3 C.7.6.3.1; PS3.5, section 8.1).
    photometric : str
        PhotometricInterpretation, in upper case.
    rescale_type : str
        RescaleType, in upper case: the unit of the rescaled values (DICOM PS3.3 C.11.1.1.2).
    modality_lut : bool
        Whether the file has a ModalityLUTSequence with an item (DICOM PS3.3 C.11.1).
    padding, padding_limit : int or None
        PixelPaddingValue and PixelPaddingRangeLimit, as stored values (DICOM PS3.3 C.7.5.1.1.2).
    sender : str
        SourceApplicationEntityTitle of the file meta information (DICOM PS3.10, section 7.1).
    """

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    modality: str
    image_type: tuple[str, ...]
    description: str
    rows: int | None
    columns: int | None
    frames: int
    samples: int
    has_pixels: bool
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    slice_location: float | None
    window: tuple[float, float]
    rescale: tuple[float, float]
    pixel_spacing: tuple[float, ...] | None = None
    thickness: float | None = None
    kernel: str = ""
    body_part: str = ""
    contrast: bool = False
    malformed: str = ""
    has_rescale: bool | None = None
    # Order, identity and place. An index of an earlier version lacks them.
    frame_of_reference: str = ""
    acquisition: int | None = None
    instance_number: int | None = None
    patient_position: str = ""
    study_description: str = ""
    protocol: str = ""
    manufacturer: str | None = None
    model: str | None = None
    windows: tuple[Window, ...] | None = None
    pixel_representation: int | None = None
    bits_allocated: int | None = None
    bits_stored: int | None = None
    high_bit: int | None = None
    photometric: str = ""
    rescale_type: str = ""
    modality_lut: bool = False
    padding: int | None = None
    padding_limit: int | None = None
    sender: str = ""


def header_from_json(value: dict[str, Any]) -> Header:
    """Build a header from JSON values. Values of another version that are not known are left out.

    Parameters
    ----------
    value : dict
        The fields of a header.

    Raises
    ------
    TypeError
        If a value is missing.
    """
    known = {field.name for field in fields(Header)}
    plain: dict[str, Any] = {k: _as_tuples(v) for k, v in value.items() if k in known}
    return Header(**plain)


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value
