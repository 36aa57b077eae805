"""Parse and decode in a child process that has limits: time, memory, and an end of its own."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ich_resources.children import Children
from ich_resources.dicom.header import Header, header_from_json
from ich_resources.dicom.limits import MEMORY, SECONDS
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason

READERS = Children("ich_resources.dicom.decoder")
"""The child processes that parse and decode."""
SCAN, DECODE, PATIENT, TEXTS = b"scan", b"decode", b"patient", b"texts"


def scan_in_child(location: Path, path: str) -> dict[str, Any]:
    """Read and judge one file in a child.

    Parameters
    ----------
    location : Path
        The file.
    path : str
        Its path in the ledger.

    Returns
    -------
    dict
        JSON values of a ``ScannedFile``.

    Raises
    ------
    DicomError
        If the file exceeds a limit (code OVER_LIMIT), or ends the child (UNREADABLE).
    """
    answer = _ask(location, Reason.UNREADABLE, SCAN, os.fsencode(location), os.fsencode(path))
    value: dict[str, Any] = json.loads(answer)
    return value


def decode_in_child(content: bytes, path: Path) -> tuple[Header, npt.NDArray[np.integer[Any]]]:
    """Decode one file in a child; see ``decoding.decode``.

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Path of the file, for error texts.

    Returns
    -------
    header : Header
        The header values.
    stored : integer array, shape (H, W)
        Stored values, before the rescale to HU.

    Raises
    ------
    DicomError
        As in ``decoding.decode``; if the file ends the child, DECODE_FAILED.
    """
    answer = _ask(path, Reason.DECODE_FAILED, DECODE, os.fsencode(path), content)
    head, _, array = answer.partition(b"\n")
    stored = np.load(io.BytesIO(array), allow_pickle=False)
    return header_from_json(json.loads(head)), stored


def patient_in_child(location: Path, key: bytes) -> str:
    """Return the key of the patient of one file; see ``patients.patient_here``.

    Parameters
    ----------
    location : Path
        The file.
    key : bytes
        The secret key of the training root.

    Raises
    ------
    DicomError
        As ``scan_in_child``.
    """
    return _ask(location, Reason.UNREADABLE, PATIENT, os.fsencode(location), key).decode()


def texts_in_child(content: bytes, path: Path) -> dict[str, list[str]]:
    """Return texts of the header of one file; see ``source_headers.texts_here``.

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Path of the file, for error texts.

    Raises
    ------
    DicomError
        As ``scan_in_child``.
    """
    answer = _ask(path, Reason.UNREADABLE, TEXTS, os.fsencode(path), content)
    value: dict[str, list[str]] = json.loads(answer)
    return value


def _ask(path: Path, crash: Reason, *request: bytes) -> bytes:
    try:
        answer = READERS.ask(*request)
    except TimeoutError as err:
        text = f"reading it takes longer than {SECONDS} s"
        raise DicomError(text, path=path, code=Reason.OVER_LIMIT) from err
    except EOFError as err:
        text = "the decoder crashed on it: the frame is damaged"
        if crash is Reason.UNREADABLE:
            text = "the parser crashed on it: the file is damaged"
        raise DicomError(text, path=path, code=crash) from err
    if answer[:1] == _GOOD:
        return answer[1:]
    error = json.loads(answer[1:])
    raise DicomError(
        error["message"], path=path, remedy=error["remedy"], code=Reason(error["code"])
    )


_GOOD, _BAD = b"+", b"-"


def answered(work: Callable[[], bytes]) -> bytes:
    """Return the answer of a child: what a function returns, or the DicomError that it raises.

    Parameters
    ----------
    work : callable
        What the child does.
    """
    try:
        return _GOOD + work()
    except MemoryError:
        text = f"reading it takes more than {MEMORY >> 20} MB of memory"
        error = DicomError(text, code=Reason.OVER_LIMIT)
    except DicomError as err:
        error = err
    values = {"message": error.message, "remedy": error.remedy, "code": str(error.code)}
    return _BAD + json.dumps(values).encode()
