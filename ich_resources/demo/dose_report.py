"""The dose report of the synthetic study, a structured report. It must not be scored."""

from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import XRayRadiationDoseSRStorage

from ich_resources.demo.headers import header, uid, write

TOTAL_DLP = 1083
"""Dose length product of the study, in mGy*cm."""


def write_dose_report(
    folder: Path, *, study: str = "demo", name: str = "dose", number: int = 501, suffix: str = ""
) -> Path:
    """Write the dose of the study as a structured report. It has no pixels.

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

    ds.ContentSequence = _items(study)
    return write(ds, Path(folder) / f"IM0001{suffix}")


def _items(study: str) -> list[Dataset]:
    """Return the content items of the report."""
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
    return [procedure, observer, device, scope, total, source]


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
