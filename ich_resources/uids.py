"""The one rule for UIDs (DICOM PS3.5, section 9.1): only such a text becomes part of a path."""

import re

UID_LENGTH = 64
"""Most characters of a UID."""
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


def is_uid(text: str) -> bool:
    """Return whether a text is a UID: numbers with dots between them, at most 64 characters.

    Parameters
    ----------
    text : str
        Any text. Leading zeros are allowed, since scanners write them.
    """
    return len(text) <= UID_LENGTH and _UID.fullmatch(text) is not None
