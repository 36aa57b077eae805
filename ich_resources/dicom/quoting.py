"""What of a header may be quoted: nothing of an element that is broken, or that took in others.

A damaged length makes a text of the elements behind it, and these may name the patient. Such a text
has characters that its value representation does not allow, or is too long (DICOM PS3.5,
section 6.2). It is never shown. An error names the element and the kind of fault.
"""

import re
import struct
import zlib

from pydicom.errors import BytesLengthException, InvalidDicomError

from ich_resources.uids import is_rooted_uid

NOT_SHOWN = "(NOT SHOWN)"
"""Stands for a text that is not shown."""
LONGEST_TEXT = 64
"""Most characters of a long string (LO), and of a UID."""

_CODE = re.compile(r"[A-Z0-9_ ./+&,():*\-]{1,32}")
_DATE_OR_NUMBER = re.compile(r"[0-9]{6}")
_CONTROL = re.compile("[\x00-\x1a\x1c-\x1f\x7f\\\\]")  # a change of characters (ESC) is allowed
_OWN_TEXTS = (BytesLengthException, EOFError, InvalidDicomError, struct.error, zlib.error)
"""Errors whose messages count bytes and quote no value."""
_QUOTED = re.compile(r"['\"].*")
"""From the first quotation mark to the end: a value may hold quotation marks itself."""

MODALITIES = frozenset(
    re.findall(
        r"\w+",
        "ANN AR ASMT AU BDUS BI BMD CD CF CP CR CS CT CTPROTOCOL DD DF DG DM DMS DOC DS DX EC ECG "
        "EEG EMG EOG EPS ES FA FID FS GM HC HD IO IOL IVOCT IVUS KER KO LEN LP LS M3D MA MG MR MS "
        "NM OAM OCT OP OPM OPR OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG "
        "RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF ST "
        "STAIN TEXTUREMAP TG US VA VF VIDD XA XAPROTOCOL XC",
    )
)
"""The defined terms of Modality, with retired ones (DICOM PS3.3 C.7.3.1.1.1)."""


class UnfitError(ValueError):
    """A value of another kind than expected. The message quotes no part of it."""


def shown_code(text: str) -> str:
    """Return a code string (CS) or short string (SH), or ``NOT_SHOWN`` where it is none.

    Parameters
    ----------
    text : str
        In upper case, without blanks around it.
    """
    fits = not text or (_CODE.fullmatch(text) and not _DATE_OR_NUMBER.search(text))
    return text if fits else NOT_SHOWN


def shown_modality(text: str) -> str:
    """Return a defined term of Modality, ``NOT_SHOWN`` for any other text.

    Parameters
    ----------
    text : str
        In upper case, without blanks around it.
    """
    return text if not text or text in MODALITIES else NOT_SHOWN


def shown_text(text: str) -> str:
    """Return a long string (LO), or an empty text where it is none.

    Parameters
    ----------
    text : str
        As read.
    """
    return "" if len(text) > LONGEST_TEXT or _CONTROL.search(text) else text


def shown_uid(text: str) -> str:
    """Return a UID, or ``NOT_SHOWN`` where the text has not the form of a registered UID.

    Parameters
    ----------
    text : str
        As read.
    """
    return text if not text or is_rooted_uid(text) else NOT_SHOWN


def fault(error: Exception) -> str:
    """Return what kind of fault an error of pydicom reports, without the value.

    Parameters
    ----------
    error : Exception
        Its message may quote the value.
    """
    if isinstance(error, (UnfitError, *_OWN_TEXTS)):
        return unquoted(str(error)) or type(error).__name__
    if isinstance(error, NotImplementedError):
        return "its value representation is unknown"
    if isinstance(error, ArithmeticError | LookupError | TypeError | ValueError):
        return "the value does not have the form of its value representation"
    return f"the bytes are damaged ({type(error).__name__})"


def unquoted(text: str) -> str:
    """Return a message in one line, with dots from its first quotation mark on.

    Parameters
    ----------
    text : str
        Of pydicom or a decoder; pydicom writes one line for each decoder that it tried.
    """
    return _QUOTED.sub("...", " ".join(text.split()))
