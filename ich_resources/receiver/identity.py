"""Study, series and instance of an encoded data set, read without decoding the rest."""

import struct
import zlib
from dataclasses import dataclass

MOST_INFLATED = 1_000_000_000
"""Bytes that a deflated data set may have once it is inflated."""
_HEAD = 16 << 20
_CHUNK = 256 << 10
_MOST_DEPTH = 32
_MOST_ELEMENTS = 100_000
_WANTED = {0x00080018: "instance", 0x0020000D: "study", 0x0020000E: "series"}
_LAST = max(_WANTED)
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)


@dataclass(frozen=True)
class Encoding:
    """How a data set is written (DICOM PS3.5, 10).

    Attributes
    ----------
    implicit_vr, little_endian, deflated : bool
        As the transfer syntax says.
    """

    implicit_vr: bool
    little_endian: bool
    deflated: bool = False


def identify(content: bytes, encoding: Encoding) -> tuple[str, str, str]:
    """Return the UIDs of study, series and instance; empty where there is none.

    The elements up to SeriesInstanceUID are walked over, none is decoded. A deflated data set is
    inflated in pieces: its first 16 MiB are looked at, the rest is counted and dropped.

    Parameters
    ----------
    content : bytes
        The data set as it was sent.
    encoding : Encoding
        Its transfer syntax.

    Raises
    ------
    ValueError
        If the data set is damaged before these elements, or exceeds a bound: 1 GB inflated, 32
        sequences in each other, 100,000 elements.

    References
    ----------
    DICOM PS3.5, 7.1 (data elements), 7.5 (sequences), A.5 (deflated).
    """
    if encoding.deflated:
        content = _inflate(content)
    try:
        found = _Walk(content, encoding).run()
    except struct.error:
        raise ValueError("the data set ends inside an element") from None
    return found.get("study", ""), found.get("series", ""), found.get("instance", "")


def _inflate(content: bytes) -> bytes:
    """Return the beginning of a deflated data set, all of which is inflated once.

    Raises
    ------
    ValueError
        If it is damaged or too large.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    head, size = bytearray(), 0
    try:
        for start in range(0, len(content), _CHUNK):
            # In small pieces: zlib copies what it has not consumed yet.
            rest = content[start : start + _CHUNK]
            while rest and not inflater.eof:
                piece = inflater.decompress(rest, _CHUNK)
                rest = inflater.unconsumed_tail
                size += len(piece)
                if size > MOST_INFLATED:
                    raise ValueError(f"the deflated data set has more than {MOST_INFLATED} bytes")
                if len(head) < _HEAD:
                    head += piece
            if inflater.eof:
                return bytes(head)
        head += inflater.flush(_CHUNK)
    except zlib.error:
        raise ValueError("the deflated data set is damaged") from None
    if not inflater.eof:
        raise ValueError("the deflated data set is cut off")
    return bytes(head)


class _Walk:
    """One pass over the elements of a data set."""

    def __init__(self, content: bytes, encoding: Encoding) -> None:
        order = "<" if encoding.little_endian else ">"
        self._tag = struct.Struct(f"{order}HH")
        self._short = struct.Struct(f"{order}H")
        self._long = struct.Struct(f"{order}L")
        self._content = content
        self._implicit = encoding.implicit_vr
        self._at = 0

    def run(self) -> dict[str, str]:
        """Return the wanted values, by name.

        Raises
        ------
        ValueError
            If a bound is exceeded.
        """
        found: dict[str, str] = {}
        open_ones: list[bool] = []
        for _ in range(_MOST_ELEMENTS):
            if self._at >= len(self._content):
                return found
            tag, length, unknown = self._header()
            if not open_ones and tag > _LAST:
                return found
            if tag in (_ITEM_END, _SEQUENCE_END):
                self._implicit = open_ones.pop() if open_ones else self._implicit
            elif length == _UNDEFINED:
                # An item or a sequence, which ends with a delimiter.
                open_ones.append(self._implicit)
                self._implicit = self._implicit or unknown
            elif not open_ones and tag in _WANTED:
                found[_WANTED[tag]] = self._text(length)
            else:
                self._at += length
            if len(open_ones) > 2 * _MOST_DEPTH:
                raise ValueError(f"more than {_MOST_DEPTH} sequences are in each other")
        raise ValueError(f"more than {_MOST_ELEMENTS} elements come before the series")

    def _header(self) -> tuple[int, int, bool]:
        """Return tag, length, and whether the type is UN; stop behind them.

        A sequence that is called UN is written with implicit types (DICOM PS3.5, 6.2.2).
        """
        group, element = self._tag.unpack_from(self._content, self._at)
        tag = group << 16 | element
        self._at += 4
        if self._implicit or group == 0xFFFE:
            (length,) = self._long.unpack_from(self._content, self._at)
            self._at += 4
            return tag, length, False
        vr = self._content[self._at : self._at + 2]
        if vr in _LONG:
            (length,) = self._long.unpack_from(self._content, self._at + 4)
            self._at += 8
            return tag, length, vr == b"UN"
        (length,) = self._short.unpack_from(self._content, self._at + 2)
        self._at += 4
        return tag, length, False

    def _text(self, length: int) -> str:
        value = self._content[self._at : self._at + length]
        if len(value) < length:
            raise struct.error
        self._at += length
        return value.decode("ascii", errors="replace").rstrip("\0 ")
