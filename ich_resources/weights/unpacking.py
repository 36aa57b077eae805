"""Unpack checkpoints from an archive. The archive does not decide where a file is written."""

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
from pathlib import Path, PurePosixPath
from typing import IO, cast

from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone, checkpoint_name
from ich_resources.errors import FetchError
from ich_resources.weights.disk import require_room, writing
from ich_resources.weights.limits import Limits, require_size
from ich_resources.weights.progress import megabytes

_NAMES = frozenset(checkpoint_name(fold) for fold in range(FOLDS))
_MOST_MEMBERS = 1000
_CHUNK = 1 << 20
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
class _Member:
    name: str
    size: int
    kind: str  # "file", "folder", or the reason to refuse it
    raw: tarfile.TarInfo | zipfile.ZipInfo


def unpack(archive: IO[bytes], shown: str, backbone: Backbone, folder: Path) -> list[Path]:
    """Write the checkpoints of one backbone under temporary names.

    All members are checked first. If one member is bad, nothing is written. Then each checkpoint
    is written to a path that this function makes. It uses only the name and the bytes of a member.

    Parameters
    ----------
    archive : binary file
        A tar, compressed or not, or a zip.
    shown : str
        Name of the archive, for errors.
    backbone : Backbone
        The backbone of the checkpoints. Their file names identify them. They may lie in any
        folder except that of another backbone.
    folder : Path
        Folder for the files ``.part-model_epoch_best_0.pth`` and so on; created if missing.

    Returns
    -------
    list of Path
        The written files, in the order of the folds.

    Raises
    ------
    FetchError
        If the file is not an archive or is damaged, or the disk is full. If a member leads out of
        the folder, is a link, a device or a pipe, or occurs twice. If no member is a checkpoint.
    """
    with _opened(archive, shown) as members:
        chosen = _choose(members, shown, backbone)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        size = sum(member.size for member in chosen.values())
        require_size(size, Limits().most_bytes, f"the checkpoints have {megabytes(size)}", shown)
        require_room(folder, size, f"unpacking {shown}")
        written: list[Path] = []
        try:
            for name in sorted(chosen):
                path = folder / f".part-{name}"
                written.append(path)
                _write(members, chosen[name], path, shown)
        except BaseException:
            for path in written:
                path.unlink(missing_ok=True)
            raise
    return written


class _Members:
    """The members of a tar or a zip, with the same methods for both."""

    def __init__(self, archive: tarfile.TarFile | zipfile.ZipFile) -> None:
        self._archive = archive

    def __iter__(self) -> Iterator[_Member]:
        if isinstance(self._archive, tarfile.TarFile):
            for entry in self._archive:
                yield _Member(entry.name, entry.size, _tar_kind(entry), entry)
            # Read to the end: the checksum of gzip comes after the last member.
            while self._archive.fileobj and self._archive.fileobj.read(_CHUNK):
                pass
        else:
            for info in self._archive.infolist():
                yield _Member(info.filename, info.file_size, _zip_kind(info), info)

    def open(self, member: _Member) -> IO[bytes]:
        if isinstance(self._archive, tarfile.TarFile):
            assert isinstance(member.raw, tarfile.TarInfo)
            file = self._archive.extractfile(member.raw)
            assert file is not None  # it is a regular file
            return file
        assert isinstance(member.raw, zipfile.ZipInfo)
        return self._archive.open(member.raw)


@contextmanager
def _opened(archive: IO[bytes], shown: str) -> Iterator[_Members]:
    try:
        with _open_tar_or_zip(archive) as opened:
            yield _Members(opened)
    except (*_DAMAGED, OSError) as err:
        if isinstance(err, OSError) and err.errno is not None:
            raise  # an error of the disk; gzip and bz2 report damage by an OSError without errno
        raise FetchError(
            f"the archive is damaged, or the file is not an archive ({type(err).__name__}: {err})",
            path=shown,
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
    head = archive.read(_CHUNK)
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


def _choose(members: _Members, shown: str, backbone: Backbone) -> dict[str, _Member]:
    folders = {PurePosixPath(other.folder).name for other in BACKBONES.values()}
    others = folders - {PurePosixPath(backbone.folder).name}
    chosen: dict[str, _Member] = {}
    for count, member in enumerate(members, 1):
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
            raise _refused(shown, member, "leads out of the folder")
        if member.kind not in ("file", "folder"):
            raise _refused(shown, member, f"is {member.kind}")
        if count > _MOST_MEMBERS:
            raise _refused(shown, member, f"is one of more than {_MOST_MEMBERS} members")
        if member.kind == "folder" or path.name not in _NAMES:
            continue
        if others & set(path.parts):
            raise _refused(shown, member, f"is not of {backbone.name}")
        if path.name in chosen:
            raise _refused(shown, member, "occurs twice")
        chosen[path.name] = member
    if not chosen:
        raise FetchError(
            f"the archive holds no {checkpoint_name(0)} of {backbone.name}",
            path=shown,
            remedy="check that it is the archive of this backbone",
        )
    return chosen


def _refused(shown: str, member: _Member, why: str) -> FetchError:
    return FetchError(
        f"the archive is refused, nothing of it was written: {member.name[:200]!r} in it {why}",
        path=shown,
        remedy="do not use this archive; tell those who offer it",
    )


def _write(members: _Members, member: _Member, path: Path, shown: str) -> None:
    left = member.size
    with writing(path):
        path.unlink(missing_ok=True)
        target = path.open("xb")  # fails if somebody made a link of that name meanwhile
    with target, members.open(member) as source:
        while left >= 0 and (chunk := source.read(_CHUNK)):
            left -= len(chunk)
            with writing(path):
                target.write(chunk)
        with writing(path):
            target.flush()
    if left:
        raise FetchError(
            f"the archive is damaged: {member.name[:200]!r} does not have the size that it states",
            path=shown,
            remedy="fetch it again",
        )
