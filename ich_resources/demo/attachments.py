"""Images that a PACS exports beside the slices: a localizer and a page with the dose.

They must not be scored.
"""

from pathlib import Path

import cv2
import numpy as np
from pydicom.uid import SecondaryCaptureImageStorage

from ich_resources.demo.headers import ct_image, header, write
from ich_resources.demo.phantom import head_hu
from ich_resources.demo.plane import FIELD_OF_VIEW, HEAD_HEIGHT

PAGE = (
    (("Exam Summary",), 40, 1.1),
    (("Patient: PHANTOM^HEAD, ID: PHANTOM",), 90, 0.5),
    (("SYNTHETIC - no patient, no exposure",), 115, 0.5),
    (("Series", "Type", "kV", "mAs", "CTDIvol", "DLP"), 170, 0.55),
    (("", "", "", "", "mGy", "mGy*cm"), 190, 0.45),
    (("1", "Topogram", "120", "35", "0.1", "3.0"), 225, 0.55),
    (("2", "Sequence", "120", "300", "45.0", "540.0"), 255, 0.55),
    (("3", "Sequence", "120", "300", "45.0", "540.0"), 285, 0.55),
    (("Total DLP: 1083.0 mGy*cm",), 350, 0.7),
)
"""Lines of the dose page: cells, baseline in pixels, size of the font."""
COLUMNS = (16, 90, 205, 265, 330, 420)
"""Left ends of the cells of a line, in pixels."""


def write_localizer(
    folder: Path, *, study: str = "demo", name: str = "localizer", number: int = 1, suffix: str = ""
) -> Path:
    r"""Write a lateral localizer: a projection of the phantom from the side.

    Parameters
    ----------
    folder : Path
        Folder of the series. It is made if it is missing.
    study, name : str
        Names of study and series; the UIDs depend on them.
    number : int
        SeriesNumber.
    suffix : str
        Ending of the file name.

    Returns
    -------
    Path
        The file: CT Image Storage, ImageType ORIGINAL\PRIMARY\LOCALIZER, 256 x 256
        (DICOM PS3.3 C.7.6.1.1.2 and C.8.2.1).
    """
    size, step = 256, FIELD_OF_VIEW / 256
    top = 0.75 * FIELD_OF_VIEW
    heights = (top - np.arange(0, FIELD_OF_VIEW, 4 * step)) / HEAD_HEIGHT
    # Below the base the phantom closes; a real scan continues through the neck.
    rows = [head_hu(max(h, -0.2), bleed=False, size=128).mean(axis=1) for h in heights]
    image = cv2.resize(np.stack(rows), (size, size), interpolation=cv2.INTER_CUBIC)

    ds = ct_image(image.astype(np.float32), study=study, name=name, number=number, instance=1)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    ds.SeriesDescription = "Topogram 0.6 T20f"
    ds.SliceThickness = 0.6
    ds.ConvolutionKernel = "T20f"
    ds.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    ds.ImagePositionPatient = [0, round((step - FIELD_OF_VIEW) / 2, 4), top]
    ds.PixelSpacing = [round(step, 6)] * 2
    ds.RescaleType = "US"  # the values of a projection are not HU
    ds.WindowCenter, ds.WindowWidth = -500, 1000
    return write(ds, Path(folder) / f"IM0001{suffix}")


def write_dose_page(
    folder: Path, *, study: str = "demo", name: str = "page", number: int = 502, suffix: str = ""
) -> Path:
    r"""Write the dose of the study as an image of a page.

    Parameters
    ----------
    folder, study, name, number, suffix
        As in `write_localizer`.

    Returns
    -------
    Path
        The file: Secondary Capture, ImageType DERIVED\SECONDARY, modality CT, 8-bit, 512 x 512,
        without a window (DICOM PS3.3 A.8.1 and C.8.6).
    """
    image = np.zeros((512, 512), np.uint8)
    for cells, line, scale in PAGE:
        for text, left in zip(cells, COLUMNS, strict=False):
            font = cv2.FONT_HERSHEY_SIMPLEX
            cv2.putText(image, text, (left, line), font, scale, 255, 1, cv2.LINE_AA)
    cv2.line(image, (16, 200), (496, 200), 128)
    ds = header(SecondaryCaptureImageStorage, study=study, name=name, number=number, instance=1)
    ds.ImageType = ["DERIVED", "SECONDARY"]
    ds.ConversionType = "WSD"
    ds.SeriesDescription = "Exam Summary"
    ds.BodyPartExamined = "HEAD"
    ds.PatientOrientation = ""
    ds.set_pixel_data(image, "MONOCHROME2", 8, generate_instance_uid=False)
    return write(ds, Path(folder) / f"IM0001{suffix}")
