"""Parts that all files of the synthetic study share: UIDs, header, writing."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

DATE = "20260101"
"""Every date in the study (DICOM value representation DA)."""
TIME = "120000"
"""Every time in the study (DICOM value representation TM)."""


def uid(*names: str | int) -> str:
    """Return a UID that depends only on the names.

    Parameters
    ----------
    *names : str or int
        Names of the object: ``uid(study)``, ``uid(study, series)`` or ``uid(study, series, file)``.

    Returns
    -------
    str
        A UID of at most 64 characters (DICOM PS3.5, section 9).
    """
    return str(generate_uid(entropy_srcs=["ich", *map(str, names)]))


def header(
    sop_class: str, *, study: str, name: str, number: int, instance: int, modality: str = "CT"
) -> Dataset:
    """Return the attributes that all files have.

    Parameters
    ----------
    sop_class : str
        SOPClassUID.
    study, name : str
        Names of study and series; the UIDs depend on them.
    number : int
        SeriesNumber.
    instance : int
        InstanceNumber; the SOPInstanceUID depends on it.
    modality : str
        Modality.

    Returns
    -------
    Dataset
        Patient, General Study, General Series, General Equipment and SOP Common modules
        (DICOM PS3.3 C.7.1.1, C.7.2.1, C.7.3.1, C.7.5.1, C.12.1).
    """
    ds = Dataset()
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = uid(study, name, instance)
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = DATE
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = TIME
    ds.AccessionNumber = ""
    ds.Modality = modality
    ds.Manufacturer = "Synthetic"
    ds.ManufacturerModelName = "Head phantom"
    ds.DeviceSerialNumber = "0"
    ds.SoftwareVersions = "1"
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "CT head, synthetic"
    ds.PatientName = "PHANTOM^HEAD"
    ds.PatientID = "PHANTOM"
    ds.PatientBirthDate = ""
    ds.PatientSex = "O"
    ds.StudyInstanceUID = uid(study)
    ds.SeriesInstanceUID = uid(study, name)
    ds.StudyID = "1"
    ds.SeriesNumber = number
    ds.InstanceNumber = instance
    return ds


def ct_image(
    hu: npt.NDArray[np.float32], *, study: str, name: str, number: int, instance: int
) -> Dataset:
    """Return the attributes that slices and localizer have: header, acquisition and pixels.

    Parameters
    ----------
    hu : float32 array, shape (H, W)
        HU. They are clipped to -1024..3071 HU and stored as int16 of HU + 1024.
    study, name, number, instance
        As in `header`.

    Returns
    -------
    Dataset
        CT Image Storage (DICOM PS3.3 A.3, C.8.2.1) without ImageType, position and window.
    """
    ds = header(CTImageStorage, study=study, name=name, number=number, instance=instance)
    ds.AcquisitionDate, ds.AcquisitionTime, ds.AcquisitionNumber = DATE, TIME, number
    ds.ProtocolName = "Head"
    ds.BodyPartExamined = "HEAD"
    ds.PatientPosition = "HFS"
    ds.KVP = 120
    ds.FrameOfReferenceUID = uid(study, "frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.RescaleIntercept, ds.RescaleSlope = -1024, 1
    stored = (np.clip(np.rint(hu), -1024, 3071) + 1024).astype(np.int16)
    ds.set_pixel_data(stored, "MONOCHROME2", 16, generate_instance_uid=False)
    return ds


def write(ds: Dataset, path: Path) -> Path:
    """Write a data set as a DICOM file (PS3.10) in Explicit VR Little Endian.

    Parameters
    ----------
    ds : Dataset
        The data set. Its file meta information is set here.
    path : Path
        The file. Its folder is made if it is missing.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        If the folder cannot be made or the file cannot be written.
    """
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path
