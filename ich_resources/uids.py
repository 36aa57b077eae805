"""The one rule for identifiers: only such a text becomes part of a path.

DICOM UIDs (PS3.5, section 9.1) are such texts, and so are the identifiers of research data: the
words of the RSNA 2019 files (``ID_0a1b2c3d4``), and hashes.
"""

import re

UID_LENGTH = 64
"""Most characters of an identifier."""
OWN_NAMES = ("all_slice_saliency_scores.csv", "run_manifest.json")
"""Files that stand beside folders named by identifiers (``output/saliency_panels``)."""
SLICE_PREFIX = "ID_"
"""Begins the file name of a slice image."""
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_TEMPORARY = (".part", ".tmp")


def is_uid(text: str) -> bool:
    """Return whether a text is an identifier that is a safe file name.

    It has letters of ASCII, digits, dots, underscores and hyphens, at most 64; it begins with
    neither dot nor hyphen, does not end like a file that is still written, and is not the name of
    a file that stands beside folders of identifiers. Upper and lower case do not matter for names.

    Parameters
    ----------
    text : str
        Any text. Leading zeros are allowed, since scanners write them.
    """
    name = text.lower()
    return (
        len(text) <= UID_LENGTH
        and _SAFE.fullmatch(text) is not None
        and not name.endswith(_TEMPORARY)
        and name not in OWN_NAMES
    )


def names_a_series(text: str) -> bool:
    """Return whether an identifier can name a series: three dots in a row cannot.

    Parameters
    ----------
    text : str
        Any text. Dagster uses it as a partition key, and takes three dots for a range of keys.
    """
    return is_uid(text) and "..." not in text


def slice_stem(sop_instance_uid: str) -> str:
    """Return the stem of the file name of a slice: the identifier after ``ID_``.

    Parameters
    ----------
    sop_instance_uid : str
        SOPInstanceUID. Where it begins with ``ID_``, it is the stem itself: the prefix is not
        doubled (a departure: docs/reference.md, section 1).
    """
    if sop_instance_uid.startswith(SLICE_PREFIX):
        return sop_instance_uid
    return f"{SLICE_PREFIX}{sop_instance_uid}"
