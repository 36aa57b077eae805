"""The child process of ``bounded``: ``python -m ich_resources.dicom.decoder``."""

import io
import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pydicom.pixels.decoders.gdcm  # noqa: F401 - before the memory is measured

from ich_resources.children import serve
from ich_resources.dicom.bounded import PATIENT, SCAN, TEXTS, answered
from ich_resources.dicom.decoding import decode_here
from ich_resources.dicom.limits import MEMORY, SECONDS
from ich_resources.dicom.patients import patient_here
from ich_resources.dicom.scanned import scan_here
from ich_resources.dicom.source_headers import texts_here


def answer(kind: bytes, name: bytes, content: bytes) -> bytes:
    """Scan or decode one file, or read whose it is, or what its header says.

    Parameters
    ----------
    kind : bytes
        ``SCAN``, ``DECODE``, ``PATIENT`` or ``TEXTS``.
    name : bytes
        Path of the file.
    content : bytes
        Its path in the ledger, its content, or the key of the hash.
    """
    path = Path(os.fsdecode(name))
    if kind == SCAN:
        return answered(lambda: _scan(os.fsdecode(content), path))
    if kind == PATIENT:
        return answered(lambda: patient_here(path, content).encode())
    if kind == TEXTS:
        return answered(lambda: json.dumps(texts_here(content, path)).encode())
    return answered(lambda: _decode(content, path))


def _scan(name: str, location: Path) -> bytes:
    return json.dumps(scan_here(name, location).to_json()).encode()


def _decode(content: bytes, path: Path) -> bytes:
    header, stored = decode_here(content, path)
    buffer = io.BytesIO()
    np.save(buffer, stored, allow_pickle=False)
    return json.dumps(asdict(header)).encode() + b"\n" + buffer.getvalue()


if __name__ == "__main__":
    serve(answer, parts=3, seconds=SECONDS, memory=MEMORY)
