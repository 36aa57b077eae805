"""The codes of the report (docs/reading.md, "DICOM objects")."""

from typing import NamedTuple

from pydicom.sr.coding import Code

from ich_resources.hemorrhage import CLASSES


class Term(NamedTuple):
    """A class as a finding, and where it lies; None where no code for the place is used."""

    finding: Code
    site: Code | None


TERMS = dict(
    zip(
        CLASSES,
        (
            Term(
                Code("1386000", "SCT", "Intracranial hemorrhage"),
                Code("1101003", "SCT", "Intracranial"),
            ),
            Term(Code("82999001", "SCT", "Epidural intracranial hemorrhage"), None),
            Term(Code("274100004", "SCT", "Cerebral hemorrhage"), Code("12738006", "SCT", "Brain")),
            # No code of SNOMED CT for it alone could be confirmed.
            Term(Code("50960005", "SCT", "Hemorrhage"), Code("35764002", "SCT", "Brain ventricle")),
            Term(
                Code("21454007", "SCT", "Subarachnoid intracranial hemorrhage"),
                Code("35951006", "SCT", "Subarachnoid space"),
            ),
            Term(Code("35486000", "SCT", "Subdural intracranial hemorrhage"), None),
        ),
        strict=True,
    )
)
"""By the name of the class."""

CT_HEAD = Code("25045-6", "LN", "CT unspecified body region")
PROBABILITY = Code("122157", "DCM", "Probability")
NO_UNITS = Code("1", "UCUM", "no units")
MAXIMUM = Code("56851009", "SCT", "Maximum")
MINIMUM = Code("255605001", "SCT", "Minimum")
DEVIATION = Code("386136009", "SCT", "Standard Deviation")
PRESENCE = Code("121052", "DCM", "Presence of property")
UNDETERMINED = Code("121059", "DCM", "Presence Undetermined")
PRESENT, ABSENT = Code("121053", "DCM", "Present"), Code("121054", "DCM", "Absent")
INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
FOR_RESEARCH = Code("113009", "DCM", "For Research")
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
ACTIVATION = Code("130403", "DCM", "Gradient-weighted class activation")
GRADIENT = Code("130404", "DCM", "Saliency")
