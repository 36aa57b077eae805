"""Walk over the elements of a data set without parsing a value.

A file that the walk finds plain is small work for any parser: whole elements, few of them, no deep
nesting, nothing deflated. All other files are parsed in a child process.
"""

import struct
from typing import NamedTuple

from ich_resources.dicom.limits import NESTING, PLAIN_ELEMENTS, PLAIN_VALUE

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
_ENCAPSULATED = ("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5")

_ANY = 2**32
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXEL_DATA = 0x7FE00010
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_BINARY = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"}
_SHORT = {
    *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT"),
    *(b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
}
EXPLICIT_VRS = _LONG | _SHORT
"""The value representations (DICOM PS3.5, section 6.2)."""
_TAG_LENGTH = struct.Struct("<HHL")
_LONG_LENGTH = struct.Struct("<L")


class OddError(ValueError):
    """The data set is not plain."""


class DeepError(OddError):
    """The sequences are nested too deep."""


class Meta(NamedTuple):
    """The file meta information.

    Attributes
    ----------
    syntax : str
        TransferSyntaxUID without padding; empty where it is missing.
    end : int
        Offset of the data set.
    """

    syntax: str
    end: int


def read_meta(content: bytes, start: int) -> Meta:
    """Read the file meta information, always explicit VR little endian (DICOM PS3.10, 7.1).

    Parameters
    ----------
    content : bytes
        The file.
    start : int
        Offset of its first element.

    Raises
    ------
    OddError
        If an element is broken.
    """
    syntax, at = "", start
    while at + 8 <= len(content) and content[at : at + 2] == b"\2\0":
        tag, vr, value, length = _element(content, at, implicit=False)
        if value + length > len(content) or length == _UNDEFINED:
            raise OddError("the file meta information is cut")
        if tag == 0x00020010 and vr == b"UI":
            syntax = content[value : value + length].strip(b" \0").decode("ascii", "replace")
        at = value + length
    return Meta(syntax, at)


def is_plain(content: bytes) -> bool:
    """Return whether a file is small work for a parser.

    Parameters
    ----------
    content : bytes
        The file.

    Raises
    ------
    DeepError
        If the sequences are nested too deep.
    """
    if content[128:132] != b"DICM":
        return False
    try:
        meta = read_meta(content, 132)
        if meta.syntax not in (IMPLICIT, EXPLICIT) and not meta.syntax.startswith(_ENCAPSULATED):
            return False
        implicit = meta.syntax == IMPLICIT
        walk(content, meta.end, implicit=implicit, most=PLAIN_ELEMENTS, longest=PLAIN_VALUE)
    except DeepError:
        raise
    except (OddError, struct.error):
        return False
    return True


def walk(
    content: bytes, start: int, *, implicit: bool, most: int = _ANY, longest: int = _ANY
) -> None:
    """Walk over a data set in little endian.

    Parameters
    ----------
    content : bytes
        Bytes that hold the data set, up to their end.
    start : int
        Offset of its first element.
    implicit : bool
        Whether it is in implicit VR.
    most : int
        Most elements and items.
    longest : int
        Longest value, in bytes; PixelData and values that are binary by their VR may be longer.

    Raises
    ------
    OddError
        If the bytes are not a whole data set, or have too many elements or too long values.
    DeepError
        If the sequences are nested too deep.
    struct.error
        If the bytes end inside an element.

    References
    ----------
    DICOM PS3.5, section 7.1 (elements), 7.5 (nesting), A.4 (encapsulated pixels).
    """
    # Ends of the sequences and items around the place; sequences have odd indices. None: undefined.
    ends: list[int | None] = [len(content)]
    at = start
    for _ in range(most):
        while ends[-1] == at:
            ends.pop()
            if not ends:
                return
        if len(ends) % 2 == 0:
            at = _enter_item(content, at, ends)
        else:
            at = _pass_element(content, at, ends, implicit, longest)
        if ends[-1] is not None and at > ends[-1]:
            raise OddError("an element is longer than what it stands in")
        if len(ends) > 2 * NESTING + 1:
            raise DeepError(f"sequences are nested more than {NESTING} deep")
    raise OddError("too many elements")


def _element(content: bytes, at: int, *, implicit: bool) -> tuple[int, bytes, int, int]:
    """Return tag, VR, offset of the value and its length.

    Raises
    ------
    OddError
        If it has no VR and should have one.
    """
    group, number, length = _TAG_LENGTH.unpack_from(content, at)
    tag = group << 16 | number
    if implicit or group == 0xFFFE:
        return tag, b"", at + 8, length
    vr = content[at + 4 : at + 6]
    if vr in _SHORT:
        return tag, vr, at + 8, length >> 16
    if vr not in _LONG:
        raise OddError("an element has no value representation")
    return tag, vr, at + 12, _LONG_LENGTH.unpack_from(content, at + 8)[0]


def _enter_item(content: bytes, at: int, ends: list[int | None]) -> int:
    tag, _, value, length = _element(content, at, implicit=True)
    if tag == _ITEM:
        ends.append(None if length == _UNDEFINED else value + length)
    elif tag == _SEQUENCE_END and ends[-1] is None:
        ends.pop()
    else:
        raise OddError("a sequence has something that is not an item")
    return value


def _pass_element(
    content: bytes, at: int, ends: list[int | None], implicit: bool, longest: int
) -> int:
    """Pass an element, or enter the sequence that it is; return the next offset.

    Raises
    ------
    OddError
        If it is an item, or its value is long or has no length.
    """
    tag, vr, value, length = _element(content, at, implicit=implicit)
    if tag == _ITEM_END and ends[-1] is None:
        ends.pop()
        return value
    if tag >> 16 == 0xFFFE:
        raise OddError("an item stands outside a sequence")
    if tag == _PIXEL_DATA and length == _UNDEFINED:
        return _pass_fragments(content, value)
    if vr == b"SQ" or (implicit and length == _UNDEFINED):
        ends.append(None if length == _UNDEFINED else value + length)
        return value
    if length == _UNDEFINED:
        raise OddError("a value has no length")
    if length > longest and tag != _PIXEL_DATA and vr not in _BINARY:
        raise OddError("a value is long")
    return value + length


def _pass_fragments(content: bytes, at: int) -> int:
    for _ in range(1000):
        tag, _, value, length = _element(content, at, implicit=True)
        if tag == _SEQUENCE_END:
            return value
        if tag != _ITEM or length == _UNDEFINED:
            break
        at = value + length
    raise OddError("the fragments of the pixels are broken, or too many")
