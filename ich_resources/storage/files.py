"""Whole files or none: everything is written under a temporary name and renamed."""

import errno
import fcntl
import io
import json
import os
import socket
import uuid
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ich_resources.errors import StorageError

_PART = f".part-{socket.gethostname()}-"
"""Begins a temporary name; its process id follows."""
_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space and run the same command again",
    errno.EDQUOT: "the quota is used up: free some space and run the same command again",
    errno.EACCES: "make RUN_ROOT writable, or choose another RUN_ROOT",
    errno.EPERM: "make RUN_ROOT writable, or choose another RUN_ROOT",
    errno.EROFS: "the file system is read-only: choose another RUN_ROOT",
    errno.EFBIG: "files may not grow so large here (ulimit -f): raise the limit and run again",
    errno.EEXIST: "a file is in the way: choose another RUN_ROOT",
    errno.ENOTDIR: "a file is in the way: choose another RUN_ROOT",
    errno.EISDIR: "a folder is in the way: choose another RUN_ROOT",
}


def write_bytes(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file whole: after a crash the old content or the new is there, never half.

    Parameters
    ----------
    path : Path
        Its folder is made if missing.
    content : bytes
        All of it.
    durable : bool
        Whether it must survive a power cut, at some milliseconds a file.

    Raises
    ------
    StorageError
        If the file cannot be written; the final name is then untouched.
    """
    temporary = path.with_name(f"{_PART}{os.getpid()}-{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as err:
        raise StorageError(
            f"cannot write: {err.strerror}", path=path, remedy=_REMEDIES.get(err.errno or 0)
        ) from err
    finally:
        with suppress(OSError):
            temporary.unlink()


def sweep(folder: Path) -> int:
    """Remove what killed processes of this machine left under temporary names; return how many.

    Raises
    ------
    StorageError
        If a file cannot be removed.
    """
    left = [path for path in folder.rglob(f"{_PART}*") if not _alive(path)]
    remove(left)
    return len(left)


def _alive(path: Path) -> bool:
    number = path.name.removeprefix(_PART).partition("-")[0]
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True  # somebody else's, and running
    return True


def write_json(path: Path, value: Any, *, durable: bool = False) -> None:
    """Write JSON, indented for people; see ``write_bytes``."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # A file name that is not UTF-8 holds lone surrogates; "\udcf6" is their escape in JSON too.
    write_bytes(path, text.encode(errors="backslashreplace"), durable=durable)


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array as .npy, durable; see ``write_bytes``."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getvalue(), durable=True)


def read_json(path: Path, *, remedy: str) -> Any:
    """Read JSON.

    Raises
    ------
    StorageError
        If the file is missing or no JSON; ``remedy`` says what makes it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise StorageError("the file does not exist", path=path, remedy=remedy) from err
    except (OSError, ValueError) as err:
        raise StorageError(f"the file cannot be read: {err}", path=path, remedy=remedy) from err


def read_array(path: Path, *, remedy: str, mapped: bool = False) -> npt.NDArray[Any]:
    """Read an array written by ``write_array``.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What makes it.
    mapped : bool
        Whether to read a row when it is used, and not all rows now; the array is then read-only.

    Raises
    ------
    StorageError
        If the file is missing or damaged.
    """
    try:
        return np.asarray(np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False))
    except Exception as err:  # numpy lets many kinds through for a damaged header
        raise StorageError(f"the array cannot be read: {err}", path=path, remedy=remedy) from err


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for the lock that a file stands for; other processes on this machine wait likewise.

    Raises
    ------
    StorageError
        If the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as err:
        raise StorageError(
            f"cannot write: {err.strerror}", path=path, remedy=_REMEDIES.get(err.errno or 0)
        ) from err
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as err:
            # Some cluster file systems are mounted without locks; one batch at a time is safe.
            warnings.warn(
                f"{path.parent} has no file locks ({err.strerror}): run one batch at a time",
                stacklevel=3,
            )
        yield


def remove(paths: Iterable[Path]) -> None:
    """Remove files of ours; those already gone do not matter.

    Raises
    ------
    StorageError
        If a file cannot be removed.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as err:
            raise StorageError(f"cannot remove: {err.strerror}", path=path) from err


def write_png(path: Path, image: npt.NDArray[np.uint8]) -> None:
    """Write an 8-bit gray or BGR image losslessly; see ``write_bytes``."""
    _, encoded = cv2.imencode(".png", image)
    write_bytes(path, encoded.tobytes())
