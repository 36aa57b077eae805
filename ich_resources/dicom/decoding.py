"""Pixels of one data set; a decoder that crashes takes a process of its own with it.

GDCM ends its process on some damaged JPEG frames. One such file must fail one slice, so what GDCM
decodes is decoded in a child process, which ends when its standard input does: with us.
"""

import atexit
import io
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from queue import LifoQueue
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from pydicom.uid import RLELossless

from ich_resources.dicom.parsing import PARSE_ERRORS, read_dataset

_MISSING = "NotImplementedError"
_LENGTH = struct.Struct(">Q")
_idle: "LifoQueue[subprocess.Popen[bytes]]" = LifoQueue()


def decode(content: bytes, path: Path) -> npt.NDArray[np.generic]:
    """Return the stored values of one frame, shape (H, W).

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Where it came from, for errors.

    Raises
    ------
    RuntimeError
        If the decoder says no, or crashed.
    NotImplementedError
        If there is no decoder for it.
    Exception
        Whatever pydicom raises (see ``parsing.PARSE_ERRORS``).
    """
    syntax = read_dataset(content, path).file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_encapsulated or syntax == RLELossless:
        return np.asarray(read_dataset(content, path).pixel_array)
    child = _child()
    try:
        assert child.stdin is not None and child.stdout is not None
        _write(child.stdin, content)
        error, answer = _read(child.stdout), _read(child.stdout)
    except (EOFError, OSError) as err:
        _end(child)
        raise RuntimeError("the decoder crashed on it: the frame is damaged") from err
    _idle.put(child)
    if error == _MISSING.encode():
        raise NotImplementedError(answer.decode())
    if error:
        raise RuntimeError(answer.decode())
    return np.asarray(np.load(io.BytesIO(answer), allow_pickle=False))


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Decode file after file until there is none: what the child does.

    Each request is the bytes of a file; each answer the name of an error, empty where there is
    none, and its message or the array as .npy. Each has its length before it.
    """
    while True:
        try:
            content = _read(requests)
        except EOFError:
            return
        try:
            buffer = io.BytesIO()
            array: npt.NDArray[Any] = read_dataset(content, Path("a file")).pixel_array
            np.save(buffer, array, allow_pickle=False)
            error, answer = b"", buffer.getvalue()
        except (*PARSE_ERRORS, RuntimeError, MemoryError) as err:
            error, answer = type(err).__name__.encode(), str(err).encode(errors="replace")
        _write(answers, error)
        _write(answers, answer)


def _child() -> "subprocess.Popen[bytes]":
    """Return a child that waits for work: one for each thread that decodes at once."""
    while not _idle.empty():
        child = _idle.get()
        if child.poll() is None:
            return child
        _end(child)
    return subprocess.Popen(
        [sys.executable, "-m", "ich_resources.dicom.decoder"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # codecs write what they think; the error says it again
    )


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        with suppress(OSError):  # what a crashed child has not read
            if pipe is not None:
                pipe.close()


@atexit.register
def _end_all() -> None:
    while not _idle.empty():
        _end(_idle.get())


def _write(pipe: IO[bytes], content: bytes) -> None:
    pipe.write(_LENGTH.pack(len(content)))
    pipe.write(content)
    pipe.flush()


def _read(pipe: IO[bytes]) -> bytes:
    (length,) = _LENGTH.unpack(_read_whole(pipe, _LENGTH.size))
    return _read_whole(pipe, length)


def _read_whole(pipe: IO[bytes], length: int) -> bytes:
    content = pipe.read(length)
    if len(content) < length:
        raise EOFError
    return content
