"""What a file is, by its first bytes: DICOM with or without preamble, an archive, or neither."""

import struct

from ich_resources.dicom.walk import EXPLICIT_VRS

HEAD = 1024
"""Bytes of the beginning that the functions here need."""

_ARCHIVES = {
    b"PK\3\4": "zip",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\x1f\x8b\x08": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
}
_ARCHIVE_SUFFIXES = (
    *(".zip", ".7z", ".rar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".tar"),
    *(".dcm", ".dicom"),
)
_ROOT = b"1.2.840.10008."
_APPLE = (b"\0\5\x16\7", b"\0\5\x16\0")
"""AppleDouble and AppleSingle (RFC 1740)."""
_FIRST_ELEMENTS = {0x0000, 0x0001, 0x0005, 0x0006, 0x0008, 0x0012, 0x0013, 0x0014, 0x0016, 0x0018}
"""Elements of group 0008 that begin a data set in implicit VR."""


def is_apple_double(head: bytes) -> bool:
    """Return whether a file holds what macOS keeps beside another file, under the name ``._X``."""
    return head[:4] in _APPLE


def archive_kind(head: bytes, name: str) -> str:
    """Return the kind of an archive that may hold DICOM files, such as ``zip``; else nothing.

    Parameters
    ----------
    head : bytes
        The first ``HEAD`` bytes of the file.
    name : str
        Its name. An office document is a zip file as well; its ending tells it apart.
    """
    name = name.lower()
    stem, dot, _ = name.rpartition(".")
    if dot and stem and not name.endswith(_ARCHIVE_SUFFIXES):
        return ""
    return packed_kind(head)


def packed_kind(head: bytes) -> str:
    """Return how a file is packed, such as ``zip``; else nothing.

    Parameters
    ----------
    head : bytes
        The first ``HEAD`` bytes of the file.
    """
    if head[257:262] == b"ustar":
        return "tar"
    return next((kind for magic, kind in _ARCHIVES.items() if head.startswith(magic)), "")


def dicom_start(head: bytes) -> int | None:
    """Return the offset of the first element of a DICOM file; None if it does not look like one.

    A preamble and DICM need not be there: old media lack them, and a transfer may damage them.

    Parameters
    ----------
    head : bytes
        The first ``HEAD`` bytes of the file.

    References
    ----------
    DICOM PS3.10, section 7.1 (preamble, DICM, file meta information); PS3.5, section 7.1.
    """
    if head[128:132] == b"DICM":
        return 132
    for start in (0, 132, 128, 4):
        if _begins_element(head[start : start + 8]):
            return start
    shifted = head.find(b"DICM\2\0")
    return shifted + 4 if shifted >= 0 else None


def names_dicom(head: bytes) -> bool:
    """Return whether binary content names a UID of DICOM, however damaged its beginning is.

    Parameters
    ----------
    head : bytes
        The first ``HEAD`` bytes of the file. A text that names a UID has no zero byte.

    References
    ----------
    DICOM PS3.6, annex A: 1.2.840.10008 is the root of the UIDs of the standard.
    """
    return _ROOT in head and b"\0" in head


def _begins_element(start: bytes) -> bool:
    """Return whether bytes begin an element of group 0002 or 0008, in any encoding."""
    if len(start) < 8:
        return False
    group, element = struct.unpack("<HH", start[:4])
    if group in (0x0200, 0x0800):  # big endian
        return start[4:6] in EXPLICIT_VRS
    if group not in (0x0002, 0x0008):
        return False
    if start[4:6] in EXPLICIT_VRS:
        return True
    (length,) = struct.unpack("<L", start[4:])
    return group == 0x0008 and element in _FIRST_ELEMENTS and length <= 256
