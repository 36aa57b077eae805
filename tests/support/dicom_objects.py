"""DICOM objects as a step may leave them: secondary captures, with their digests."""

import hashlib
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage


def write_object(
    path: Path, uid: str, *, sop_class: str = SecondaryCaptureImageStorage, size: int = 16
) -> tuple[Path, str]:
    """Write one secondary capture; return its path and SHA-256."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    dataset.PatientName, dataset.PatientID = "Planted^Name", "PLANTED-ID"
    dataset.Modality, dataset.ConversionType = "OT", "WSD"
    dataset.Rows = dataset.Columns = size
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    values = np.random.default_rng(size).integers(0, 255, (size, size), np.uint8)
    dataset.PixelData = values.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def write_objects(folder: Path, number: int, **options: object) -> list[tuple[Path, str]]:
    """Write some secondary captures with UIDs of their own."""
    names = [f"1.2.826.0.1.{n}" for n in range(1, number + 1)]
    return [write_object(folder / f"{uid}.dcm", uid, **options) for uid in names]
