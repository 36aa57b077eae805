"""What descriptions for people say of body part and contrast. They are free texts: hints only."""

import re
from collections.abc import Sequence

from ich_resources.dicom.header import Header

HEAD = ("HEAD", "BRAIN", "SKULL", "CRANI", "NEURO", "CEREBR", "KOPF", "SCHAEDEL", "SCHÄDEL")
"""Parts of words that mean the head."""
_HEAD_WORD = re.compile("|".join(HEAD) + r"|\b(N?CCT|CTH|HCT)\b")
_OTHER_PART = re.compile(
    r"\b(CHEST|THORAX|LUNGS?|HEART|CARDIAC|CORONAR\w*|ABD(?:O|OMEN|OMINAL)?|LIVER|KIDNEYS?|RENAL"
    r"|PELVIS|PELVIC|BECKEN|C-?SPINE|T-?SPINE|L-?SPINE|SPINE|CERVICAL|LUMBAR|HWS|BWS|LWS|NECK|HALS"
    r"|SINUS(?:ES)?|NNH|ORBITS?|FACE|FACIAL|MANDIBLE|MAXILLA|PETROUS|TEMPORAL BONES?|FELSENBEIN\w*"
    r"|SHOULDER|ELBOW|WRIST|HAND|HIP|KNEE|ANKLE|FOOT|EXTREMITY)\b"
)
_WITHOUT = re.compile(
    r"\bW/?O\b|WITHOUT|\bPRE\b|\bNON?[ -]?(?:IV )?CON|\bNON?[ -]?(?:CE|ENH)|NATIV|UNENH|PLAIN"
    r"|\bNCCT|\bOHNE|\bSANS|\bC-(?!\w)"
)
_WITH = re.compile(
    r"CONTRAST|\bCE\b|\bCECT|\bC\+|\+ ?C\b|(?<!EDGE )ENHANCED|\bPOST[ -]?(?:CON|IV|KM|CM|$)"
    r"|\bW/? ?(?:IV )?CON|\bMIT KM\b"
    r"|\bCTA\b|\bCTV\b|ANGIO|\bKM\b|VENOUS|ARTERIAL|PERFUSION"
)


def names_contrast(text: str) -> bool:
    """Return whether a description says that contrast agent was given, and not that it was not.

    Parameters
    ----------
    text : str
        SeriesDescription.
    """
    upper = text.upper().replace("_", " ")
    return _WITHOUT.search(upper) is None and _WITH.search(upper) is not None


def names_head(text: str) -> bool:
    """Return whether a text names the head.

    Parameters
    ----------
    text : str
        BodyPartExamined or a description.
    """
    return _HEAD_WORD.search(text.upper().replace("_", " ")) is not None


def part_by_description(headers: Sequence[Header]) -> str:
    """Return the finding that only descriptions make: another part than the head.

    SeriesDescription counts always, since BodyPartExamined is often that of the protocol.
    ProtocolName and StudyDescription speak for all series of a study, and count only where neither
    BodyPartExamined nor SeriesDescription says anything.

    Parameters
    ----------
    headers : sequence of Header
        Headers of the admitted slices of one series.

    Returns
    -------
    str
        A sentence without the text itself; empty if there is none.
    """
    parts = sorted({h.body_part for h in headers if h.body_part})
    texts = {"SeriesDescription": {h.description for h in headers}}
    if not parts:
        texts["ProtocolName"] = {h.protocol for h in headers}
        texts["StudyDescription"] = {h.study_description for h in headers}
    for keyword, values in texts.items():
        if any(map(names_head, values)):
            return ""
        found = [m[1] for v in values if (m := _OTHER_PART.search(v.upper().replace("_", " ")))]
        if found:
            known = f"BodyPartExamined {', '.join(parts)}" if parts else "no BodyPartExamined"
            return f"{keyword} names {min(found)}, {known}"
    return ""
