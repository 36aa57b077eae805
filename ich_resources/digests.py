"""SHA-256 of files, of bytes, and of what a result depends on."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO


def bytes_sha256(content: bytes | memoryview) -> str:
    """Return the SHA-256 of bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def stream_sha256(file: BinaryIO) -> str:
    """Return the SHA-256 of the rest of an open file, hexadecimal.

    Parameters
    ----------
    file : binary file
        Open for reading; read to its end.
    """
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        return stream_sha256(file)


def fingerprint(inputs: Mapping[str, Any]) -> str:
    """Return the SHA-256 of JSON values in canonical form, hexadecimal.

    Parameters
    ----------
    inputs : mapping
        JSON values only. The order of keys does not matter.

    Raises
    ------
    TypeError, ValueError
        If a value is not a JSON value.
    """
    canonical = json.dumps(inputs, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return bytes_sha256(canonical.encode())


def patient_key(key: bytes, patient: str) -> str:
    """Return what stands for a patient in every table of a training: a keyed hash.

    Parameters
    ----------
    key : bytes
        The secret key of the training root. Without it nobody can try identifiers.
    patient : str
        An identifier of the patient. It is not kept.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    told = b"ich: patient: " + patient.encode(errors="surrogateescape")
    return hmac.new(key, told, hashlib.sha256).hexdigest()[:32]
