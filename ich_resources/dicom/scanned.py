"""Scan one file: digest, header values and first judgement."""

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ich_resources.dicom.admission import judge_file, judge_slice
from ich_resources.dicom.bounded import scan_in_child
from ich_resources.dicom.header import Header, header_from_json
from ich_resources.dicom.header_values import read_header
from ich_resources.dicom.limits import LARGEST_FILE
from ich_resources.dicom.magic import (
    HEAD,
    archive_kind,
    dicom_start,
    is_apple_double,
    names_dicom,
    packed_kind,
)
from ich_resources.dicom.walk import DeepError, is_plain
from ich_resources.digests import bytes_sha256, file_sha256
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason
from ich_resources.series import Judgement

DICOM_SUFFIXES = (".dcm", ".dicom")
"""Endings of names of DICOM files that may look like none (docs/reference.md, section 1)."""
_PREFIX = 16 * 1024**2
"""Part of a file beyond the limit that is read for its header."""


@dataclass(frozen=True)
class ScannedFile:
    """The result of scanning one DICOM file.

    Attributes
    ----------
    path : str
        POSIX path relative to the input folder.
    digest : str
        SHA-256 of the file, hexadecimal; empty if it could not be read.
    header : Header or None
        Header values; None for a file in no series.
    judgement : Judgement or None
        Why it is not scored; None for an admitted slice.
    """

    path: str
    digest: str
    header: Header | None
    judgement: Judgement | None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ScannedFile":
        """Build a scanned file from the values of ``to_json``.

        Parameters
        ----------
        value : dict
            The values. Header values of another version that are not known are left out.

        Raises
        ------
        LookupError, TypeError, ValueError
            If a value is missing, unknown or of another type.
        """
        header, judgement = value["header"], value["judgement"]
        return cls(
            value["path"],
            value["digest"],
            None if header is None else header_from_json(header),
            None
            if judgement is None
            else Judgement(judgement["state"], Reason(judgement["code"]), judgement["reason"]),
        )


def scan_file(path: str, input_dir: Path) -> ScannedFile | None:
    """Read and judge one file. A file that is not plain is read in a child process.

    Parameters
    ----------
    path : str
        POSIX path relative to ``input_dir``.
    input_dir : Path
        The folder. It is only read.

    Returns
    -------
    ScannedFile or None
        None if it is not a DICOM file. An archive is ``refused`` with the code ARCHIVE. A file that
        cannot be read is ``failed`` with the code UNREADABLE, and one that exceeds a limit with
        OVER_LIMIT: one bad file must not stop the scan.
    """
    location = input_dir / path
    try:
        if location.exists() and not location.is_file():
            return None  # a pipe or a socket: open() could wait for ever
        with location.open("rb") as file:
            head = file.read(HEAD)
            if not _may_be_dicom(head, path):
                return _archive(head, path)
            large = os.fstat(file.fileno()).st_size > LARGEST_FILE
            content = b"" if large else head + file.read()
        if content and is_plain(content):
            return _judged(path, content, location, plain=True)
        del content
        return ScannedFile.from_json(scan_in_child(location, path))
    except Exception as err:  # noqa: BLE001  (one bad file must not stop the scan)
        return _failed(path, err)


def scan_here(path: str, location: Path) -> ScannedFile:
    """Read and judge one DICOM file in this process, of whatever size it is.

    Parameters
    ----------
    path : str
        Its path in the ledger.
    location : Path
        The file.

    Raises
    ------
    MemoryError
        If the process may use no more memory.
    """
    try:
        with location.open("rb") as file:
            if os.fstat(file.fileno()).st_size <= LARGEST_FILE:
                return _judged(path, file.read(), location)
            scanned = _judged(path, file.read(_PREFIX), location)
        if scanned.judgement is None or scanned.judgement.state == "failed":
            text = f"the file is larger than {LARGEST_FILE >> 20} MB"
            return _with_judgement(path, Reason.OVER_LIMIT, text)
        return replace(scanned, digest=file_sha256(location))
    except MemoryError:
        raise
    except Exception as err:  # noqa: BLE001  (one bad file must not stop the scan)
        return _failed(path, err)


def _may_be_dicom(head: bytes, path: str) -> bool:
    if head[128:132] == b"DICM":
        return True
    if is_apple_double(head) or packed_kind(head):
        return False  # an archive may hold a DICOM file that begins within the first bytes
    if dicom_start(head) is not None or names_dicom(head):
        return True
    name = path.rpartition("/")[2]
    return name.lower().endswith(DICOM_SUFFIXES) and not name.startswith("._")


def _archive(head: bytes, path: str) -> ScannedFile | None:
    kind = archive_kind(head, path.rpartition("/")[2])
    if not kind or is_apple_double(head):
        return None
    text = f"a {kind} archive: unpack it first, if it holds DICOM files"
    return ScannedFile(path, "", None, Judgement("refused", Reason.ARCHIVE, text))


def _judged(path: str, content: bytes, location: Path, *, plain: bool = False) -> ScannedFile:
    header = read_header(content, location, plain=plain)
    unassigned = judge_file(header)
    if unassigned is not None:
        return ScannedFile(path, bytes_sha256(content), None, unassigned)
    return ScannedFile(path, bytes_sha256(content), header, judge_slice(header))


def _failed(path: str, err: Exception) -> ScannedFile:
    if isinstance(err, DicomError):
        return _with_judgement(path, Reason(err.code), err.message)
    if isinstance(err, DeepError):
        return _with_judgement(path, Reason.OVER_LIMIT, f"the file cannot be read: {err}")
    if isinstance(err, OSError):
        why = err.strerror or type(err).__name__
    elif isinstance(err, MemoryError):
        why = "it is too large for the memory"
    else:
        why = f"its parser ends with {type(err).__name__}"
    return _with_judgement(path, Reason.UNREADABLE, f"the file cannot be read: {why}")


def _with_judgement(path: str, code: Reason, text: str) -> ScannedFile:
    return ScannedFile(path, "", None, Judgement("failed", code, text))
