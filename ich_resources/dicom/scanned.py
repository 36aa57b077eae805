"""Scan one file: digest, header values and first judgement."""

import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ich_resources.dicom.admission import judge_file, judge_slice
from ich_resources.dicom.header import Header, read_header
from ich_resources.digests import bytes_sha256
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason
from ich_resources.series import Judgement

DICOM_SUFFIXES = (".dcm", ".dicom")
"""Endings of names of DICOM files that may lack DICM at byte 128 (docs/reference.md, section 1)."""

LARGEST_FILE = 2 * 1024**3
"""Largest file that is read, in bytes. A CT slice is much smaller."""


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
            None if header is None else _header(header),
            None
            if judgement is None
            else Judgement(judgement["state"], Reason(judgement["code"]), judgement["reason"]),
        )


def _header(value: dict[str, Any]) -> Header:
    known = {field.name for field in fields(Header)}
    plain: dict[str, Any] = {k: _as_tuples(v) for k, v in value.items() if k in known}
    return Header(**plain)


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


_TOO_LARGE = "the file cannot be read: it is too large for the memory"


def _unreadable(path: str, reason: str) -> ScannedFile:
    return ScannedFile(path, "", None, Judgement("failed", Reason.UNREADABLE, reason))


def scan_file(path: str, input_dir: Path) -> ScannedFile | None:
    """Read and judge one file.

    Parameters
    ----------
    path : str
        POSIX path relative to ``input_dir``.
    input_dir : Path
        The folder. It is only read.

    Returns
    -------
    ScannedFile or None
        None if it is not a DICOM file. A file that cannot be read is ``failed`` with the code
        UNREADABLE: one bad file must not stop the scan.
    """
    location = input_dir / path
    try:
        if location.exists() and not location.is_file():
            return None  # a pipe or a socket: open() could wait for ever
        with location.open("rb") as file:
            start = file.read(132)
            if start[128:] != b"DICM" and not path.lower().endswith(DICOM_SUFFIXES):
                return None
            if os.fstat(file.fileno()).st_size > LARGEST_FILE:
                return _unreadable(path, _TOO_LARGE)
            content = start + file.read()
        header = read_header(content, location)
    except DicomError as err:
        return ScannedFile(path, "", None, Judgement("failed", Reason(err.code), err.message))
    except MemoryError:
        return _unreadable(path, _TOO_LARGE)
    except OSError as err:
        return _unreadable(path, f"the file cannot be read: {err.strerror}")
    except Exception as err:  # noqa: BLE001  (one bad file must not stop the scan)
        return _unreadable(path, f"the file cannot be parsed: {type(err).__name__}: {err}")
    unassigned = judge_file(header)
    if unassigned is not None:
        return ScannedFile(path, bytes_sha256(content), None, unassigned)
    return ScannedFile(path, bytes_sha256(content), header, judge_slice(header))
