"""What a PACS exports beside the slices: a localizer, a dose report, a page with the dose.

None of them may be scored.
"""

from pathlib import Path

import cv2
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage, XRayRadiationDoseSRStorage

from ich_resources.demo.headers import ct_image, header, uid, write
from ich_resources.demo.phantom import FIELD_OF_VIEW, HEAD_HEIGHT, head_hu

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
"""Lines of the dose page: cells, baseline in pixels, scale of the font."""
COLUMNS = (16, 90, 205, 265, 330, 420)
"""Where the cells of a line begin, in pixels."""
TOTAL_DLP = 1083
"""Dose length product of the study, in mGy*cm."""


def write_localizer(
    folder: Path, *, study: str = "demo", name: str = "localizer", number: int = 1, suffix: str = ""
) -> Path:
    r"""Write a lateral localizer: the phantom, projected from the side.

    Parameters
    ----------
    folder : Path
        Folder of the series; made if missing.
    study, name : str
        Names the UIDs follow from.
    number : int
        SeriesNumber.
    suffix : str
        End of the file name.

    Returns
    -------
    Path
        The file: CT Image Storage, ImageType ORIGINAL\PRIMARY\LOCALIZER, 256 x 256
        (DICOM PS3.3 C.7.6.1.1.2 and C.8.2.1).
    """
    size, step = 256, FIELD_OF_VIEW / 256
    top = 0.75 * FIELD_OF_VIEW
    heights = (top - np.arange(0, FIELD_OF_VIEW, 4 * step)) / HEAD_HEIGHT
    # below the base the phantom would close; a real scan goes on through the neck
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
    ds.RescaleType = "US"  # a projection is no HU
    ds.WindowCenter, ds.WindowWidth = -500, 1000
    return write(ds, Path(folder) / f"IM0001{suffix}")


def _code(value: str, scheme: str, meaning: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


def _content(kind: str, concept: tuple[str, str], relation: str = "CONTAINS") -> Dataset:
    item = Dataset()
    item.RelationshipType = relation
    item.ValueType = kind
    item.ConceptNameCodeSequence = _code(concept[0], "DCM", concept[1])
    return item


def _choice(
    concept: tuple[str, str], code: tuple[str, str, str], relation: str = "CONTAINS"
) -> Dataset:
    item = _content("CODE", concept, relation)
    item.ConceptCodeSequence = _code(*code)
    return item


def _measure(concept: tuple[str, str], value: int, unit: tuple[str, str]) -> Dataset:
    item, measured = _content("NUM", concept), Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = _code(unit[0], "UCUM", unit[1])
    item.MeasuredValueSequence = [measured]
    return item


def write_dose_report(
    folder: Path, *, study: str = "demo", name: str = "dose", number: int = 501, suffix: str = ""
) -> Path:
    """Write the dose of the study as a structured report, without pixels.

    Parameters
    ----------
    folder, study, name, number, suffix
        As in `write_localizer`.

    Returns
    -------
    Path
        The file: X-Ray Radiation Dose SR (DICOM PS3.3 A.35.8, PS3.16 TID 10011), modality SR.
    """
    ds = header(
        XRayRadiationDoseSRStorage,
        study=study,
        name=name,
        number=number,
        instance=1,
        modality="SR",
    )
    ds.SeriesDescription = "Dose report"
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = _code("113701", "DCM", "X-Ray Radiation Dose Report")
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "10011"
    ds.ContentTemplateSequence = [template]

    procedure = _choice(
        ("121058", "Procedure reported"),
        ("77477000", "SCT", "Computed Tomography X-Ray"),
        "HAS CONCEPT MOD",
    )
    intent = ("261004008", "SCT", "Diagnostic Intent")
    purpose = _choice(("363703001", "Has Intent"), intent, "HAS CONCEPT MOD")
    purpose.ConceptNameCodeSequence[0].CodingSchemeDesignator = "SCT"
    procedure.ContentSequence = [purpose]
    observer = _choice(("121005", "Observer Type"), ("121007", "DCM", "Device"), "HAS OBS CONTEXT")
    device = _content("UIDREF", ("121012", "Device Observer UID"), "HAS OBS CONTEXT")
    device.UID = uid("device")
    scope = _choice(
        ("113705", "Scope of Accumulation"), ("113014", "DCM", "Study"), "HAS OBS CONTEXT"
    )
    target = _content("UIDREF", ("110180", "Study Instance UID"), "HAS PROPERTIES")
    target.UID = uid(study)
    scope.ContentSequence = [target]
    total = _content("CONTAINER", ("113811", "CT Accumulated Dose Data"))
    total.ContinuityOfContent = "SEPARATE"
    total.ContentSequence = [
        _measure(("113812", "Total Number of Irradiation Events"), 3, ("{events}", "events")),
        _measure(("113813", "CT Dose Length Product Total"), TOTAL_DLP, ("mGy.cm", "mGy.cm")),
    ]
    source = _choice(
        ("113854", "Source of Dose Information"), ("113856", "DCM", "Automated Data Collection")
    )
    ds.ContentSequence = [procedure, observer, device, scope, total, source]
    return write(ds, Path(folder) / f"IM0001{suffix}")


def write_dose_page(
    folder: Path, *, study: str = "demo", name: str = "page", number: int = 502, suffix: str = ""
) -> Path:
    r"""Write the dose of the study as a picture of a page.

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
