"""Small CT series as data sets for research hold them: words as identifiers, few elements."""

import math
from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from ich_resources.demo.study import write_series

KEPT = [
    "Modality",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SamplesPerPixel",
    "Rows",
    "Columns",
    "PhotometricInterpretation",
    "PixelSpacing",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "WindowCenter",
    "WindowWidth",
    "RescaleIntercept",
    "RescaleSlope",
    "PixelData",
]
"""Elements of the files of the RSNA 2019 challenge, beside the identifiers."""


def write_research(
    folder: Path,
    names: tuple[str, str],
    stems: list[str],
    scratch: Path,
    *,
    named: bool = False,
    patient: str = "ID_0002cd41",
    tilt: float = 0.0,
) -> list[Path]:
    """Write one series, a flat file for each SOPInstanceUID; without a SOP class.

    Parameters
    ----------
    folder : Path
        Folder of the files; other series may be in it.
    names : tuple of str
        StudyInstanceUID and SeriesInstanceUID.
    stems : list of str
        SOPInstanceUIDs, from feet to head. The files have these names.
    scratch : Path
        Empty folder for an ordinary series, whose values the files get.
    named : bool
        Whether the file meta information names the SOP class.
    patient : str
        PatientID.
    tilt : float
        Tilt of the gantry in degrees.
    """
    ordinary = write_series(scratch, name="o", slices=len(stems), bleed=True, size=64)
    return as_research(ordinary, folder, names, stems, named=named, patient=patient, tilt=tilt)


def as_research(
    ordinary: Sequence[Path],
    folder: Path,
    names: tuple[str, str],
    stems: Sequence[str],
    *,
    named: bool = False,
    patient: str,
    tilt: float = 0.0,
) -> list[Path]:
    """Write the values of an ordinary series as ``write_research`` does; the lowest slice first.

    Parameters
    ----------
    ordinary : sequence of Path
        Its files, from head to feet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path, stem in zip(reversed(ordinary), stems, strict=True):
        old, new = pydicom.dcmread(path), Dataset()
        for keyword in KEPT:
            new[keyword] = old[keyword]
        if tilt:
            cosine, sine = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
            new.ImageOrientationPatient = [1, 0, 0, 0, round(cosine, 6), round(-sine, 6)]
        new.PatientID = patient
        new.StudyInstanceUID, new.SeriesInstanceUID = names
        new.SOPInstanceUID, new.StudyID = stem, ""
        new.file_meta = FileMetaDataset()
        new.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if named:
            new.file_meta.MediaStorageSOPClassUID = CTImageStorage
        new.preamble = b"\0" * 128
        new.save_as(folder / f"{stem}.dcm", enforce_file_format=False)
        written.append(folder / f"{stem}.dcm")
    return written
