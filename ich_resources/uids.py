"""The one rule for identifiers: only such a text becomes part of a path.

DICOM UIDs (PS3.5, section 9.1) are such texts, and so are the identifiers of research data: the
words of the RSNA 2019 files (``ID_0a1b2c3d4``), and hashes.
"""

import re

UID_LENGTH = 64
"""Most characters of an identifier."""
ALL_SCORES, RUN_MANIFEST = "all_slice_saliency_scores.csv", "run_manifest.json"
"""Files in ``output/saliency_panels``, where each folder has the identifier of a series as name."""
OWN_NAMES = (ALL_SCORES, RUN_MANIFEST)
"""File names that no identifier may have."""
TEMPORARY_SUFFIXES = (".part", ".tmp")
"""Endings of file names that a sender still writes to. No identifier may end so."""
SLICE_PREFIX = "ID_"
"""Begins the file name of a slice image."""
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_DICOM = re.compile(r"[0-9]+(\.[0-9]+)+")
_ROOTED = re.compile(r"[012](\.(0|[1-9][0-9]*)){3,}")


def is_uid(text: str) -> bool:
    """Return whether a text is an identifier that is a safe file name.

    It has at most 64 characters: letters of ASCII, digits, dots, underscores, hyphens. It does not
    begin with a dot or a hyphen. It does not end in one of ``TEMPORARY_SUFFIXES`` and is not one of
    ``OWN_NAMES``, in upper or lower case.

    Parameters
    ----------
    text : str
        Any text. Leading zeros are allowed, since scanners write them.
    """
    name = text.lower()
    return (
        len(text) <= UID_LENGTH
        and has_safe_characters(text)
        and not name.endswith(TEMPORARY_SUFFIXES)
        and name not in OWN_NAMES
    )


def has_safe_characters(text: str) -> bool:
    """Return whether a text has only characters of an identifier, and begins as one."""
    return _SAFE.fullmatch(text) is not None


def is_dicom_uid(text: str) -> bool:
    """Return whether a text is a UID: digits and dots. Leading zeros are kept, scanners write them.

    Parameters
    ----------
    text : str
        An identifier. Those of research data are words.
    """
    return len(text) <= UID_LENGTH and _DICOM.fullmatch(text) is not None


def is_rooted_uid(text: str) -> bool:
    """Return whether a text has the form of a registered UID, of any length.

    It has four parts or more without leading zeros, and the first is 0, 1 or 2 (DICOM PS3.5,
    section 9.1).
    """
    return _ROOTED.fullmatch(text) is not None


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
