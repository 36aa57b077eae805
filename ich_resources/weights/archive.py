"""Open an archive that may be damaged or made to hurt: what is in it, within limits."""

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, cast

from ich_resources.errors import FetchError
from ich_resources.weights.progress import megabytes

CHUNK = 1 << 20
"""Bytes that are read at once."""
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What the libraries raise over archives that are damaged or made to hurt."""
_MOST_UNPACKED = 8_000_000_000
_MOST_AT_ONCE = 16 << 20
_MOST_DIRECTORY = 1 << 20
_MOST_DICTIONARY = 256 << 20
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)


@dataclass(frozen=True)
class Member:
    """One member of an archive.

    Attributes
    ----------
    name : str
        As the archive states it: foreign text.
    size : int
        In bytes, as the archive states it.
    kind : str
        "file", "folder", or the reason to refuse it.
    raw : TarInfo or ZipInfo
        As the library knows it.
    """

    name: str
    size: int
    kind: str
    raw: tarfile.TarInfo | zipfile.ZipInfo


class Members:
    """The members of a tar or a zip, with the same methods for both."""

    def __init__(self, archive: tarfile.TarFile | zipfile.ZipFile) -> None:
        self._archive = archive

    def __iter__(self) -> Iterator[Member]:
        """Yield every member, and read a compressed tar to its end."""
        if isinstance(self._archive, tarfile.TarFile):
            for entry in self._archive:
                yield Member(entry.name, entry.size, _tar_kind(entry), entry)
            # Read to the end: the checksum of gzip comes after the last member.
            while self._archive.fileobj and self._archive.fileobj.read(CHUNK):
                pass
        else:
            for info in self._archive.infolist():
                yield Member(info.filename, info.file_size, _zip_kind(info), info)

    def open(self, member: Member) -> IO[bytes]:
        """Open a member of the kind "file"."""
        if isinstance(self._archive, tarfile.TarFile):
            assert isinstance(member.raw, tarfile.TarInfo)
            file = self._archive.extractfile(member.raw)
            assert file is not None  # it is a regular file
            return file
        assert isinstance(member.raw, zipfile.ZipInfo)
        return self._archive.open(member.raw)


@contextmanager
def open_archive(archive: IO[bytes], display_name: str) -> Iterator[Members]:
    """Open a tar, compressed or not, or a zip.

    Parameters
    ----------
    archive : binary file
        It can be read, and set back.
    display_name : str
        Name of the archive, for errors.

    Raises
    ------
    FetchError
        If the file is not an archive or is damaged, also while its members are read.
    OSError
        If the disk fails.
    """
    try:
        with _open_tar_or_zip(archive) as opened:
            yield Members(opened)
    except (*_DAMAGED, OSError) as err:
        if isinstance(err, OSError) and err.errno is not None:
            raise  # an error of the disk; gzip and bz2 report damage by an OSError without errno
        raise FetchError(
            f"the archive is damaged, or the file is not an archive ({type(err).__name__}: {err})",
            path=display_name,
            remedy="fetch it again; if that does not help, tell those who made it",
        ) from err


def _open_tar_or_zip(archive: IO[bytes]) -> tarfile.TarFile | zipfile.ZipFile:
    stream = _Bounded(_decompressed(archive))
    try:
        return tarfile.open(fileobj=stream, mode="r:")
    except tarfile.ReadError:
        # tar comes first: a checkpoint is a zip, and a tar with one at its end looks like a zip.
        archive.seek(0)
        if not zipfile.is_zipfile(archive):
            raise
        _require_small_directory(archive)
        return zipfile.ZipFile(archive)


class _Bounded(io.RawIOBase):
    """What is in a compressed file; it ends the reading of what is far too much.

    Parameters
    ----------
    source : binary file
        It can be read, and set back.

    Notes
    -----
    tarfile reads each extended header in one piece, as long as it says it is.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source

    def read(self, size: int = -1) -> bytes:
        """Read some bytes.

        Raises
        ------
        tarfile.TarError
            If they are too many.
        """
        if not 0 <= size <= _MOST_AT_ONCE:
            raise tarfile.TarError(f"a header of {megabytes(size)}")
        return self._within(self._source.read(size))

    def _within(self, content: bytes) -> bytes:
        if self._source.tell() > _MOST_UNPACKED:
            raise tarfile.TarError(f"more than {megabytes(_MOST_UNPACKED)} are in it")
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place.

        Raises
        ------
        tarfile.TarError
            If it is too far.
        """
        if offset > _MOST_UNPACKED:
            raise tarfile.TarError(f"more than {megabytes(_MOST_UNPACKED)} are in it")
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._source.tell()


def _decompressed(archive: IO[bytes]) -> IO[bytes]:
    archive.seek(0)
    head = archive.read(CHUNK)
    archive.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=archive))
    if head.startswith(b"BZh"):
        return cast(IO[bytes], bz2.BZ2File(archive))
    if head.startswith((b"\xfd7zXZ\0", b"]\0\0")):
        # It says how much memory it wants, up to 4 GB.
        lzma.LZMADecompressor(memlimit=_MOST_DICTIONARY).decompress(head, max_length=1)
        return cast(IO[bytes], lzma.LZMAFile(archive))
    return archive


def _require_small_directory(archive: IO[bytes]) -> None:
    """Make sure that the list of members, which zipfile reads in one piece, is a small one.

    Raises
    ------
    zipfile.BadZipFile
        If it is not, or has the form of archives beyond 4 GB.
    """
    end = archive.seek(0, 2)
    archive.seek(max(end - 65_557 - 20, 0))
    tail = archive.read()
    at = tail.rfind(b"PK\x05\x06")
    (size,) = struct.unpack_from("<L", tail, at + 12)
    if size > _MOST_DIRECTORY or tail[max(at - 20, 0) : at].startswith(b"PK\x06\x07"):
        raise zipfile.BadZipFile("it lists far more members than a release has")
    archive.seek(0)


def _tar_kind(entry: tarfile.TarInfo) -> str:
    if entry.issym() or entry.islnk():
        return "a link"
    if entry.isreg():
        return "file"
    return "folder" if entry.isdir() else "a device or a pipe"


def _zip_kind(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 1:
        return "encrypted"
    if info.compress_type not in _ZIP_METHODS:
        return "packed by a method that takes much memory"
    mode = info.external_attr >> 16 if info.create_system == 3 else 0
    if stat.S_ISLNK(mode):
        return "a link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a device or a pipe"
    return "folder" if info.is_dir() else "file"
