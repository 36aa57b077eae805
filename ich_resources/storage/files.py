"""Files below the run root: written whole, read with errors that say what makes them."""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn

from ich_resources.digests import bytes_sha256, file_sha256
from ich_resources.errors import DISK, StorageError
from ich_resources.locks import exclusive_lock, reentrant_lock
from ich_resources.whole_files import PART, part_name, remedy_for, write_whole

CHANGED = "the file does not have the digest that its record names: it is damaged or was replaced"
_UNCHANGED: set[tuple[int, int, int, int, str]] = set()
"""Device, inode, time, size and digest of large files that were read and are whole."""
_REMEMBERED = 4096


def write_bytes(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file below the run root whole; see ``whole_files.write_whole``.

    Parameters
    ----------
    path : Path
        Its folder is made if missing.
    content : bytes
        All of it.
    durable : bool
        Whether it must survive a power cut. This costs some milliseconds.

    Raises
    ------
    StorageError
        If the file cannot be written. The file under the final name is unchanged then.
    """
    with _naming(path):
        write_whole(path, content, part_name(), durable=durable)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` into an error that names the file and a remedy.

    Raises
    ------
    StorageError
        In place of the ``OSError``.
    """
    try:
        yield
    except OSError as err:
        remedy = remedy_for(err, "RUN_ROOT")
        raise StorageError(
            f"cannot write: {err.strerror}", path=path, remedy=remedy, code=DISK
        ) from err


def require_writable(root: Path) -> None:
    """Check that a file can be written below RUN_ROOT or TRAIN_ROOT.

    Raises
    ------
    StorageError
        If it cannot.
    """
    trial = root / "state" / part_name()
    write_bytes(trial, b"written before the work starts, to test whether the folder is writable")
    remove([trial])


def sweep(folder: Path) -> int:
    """Remove temporary files that killed processes of this machine left; return how many.

    Raises
    ------
    StorageError
        If a file cannot be removed.
    """
    left = [path for path in folder.rglob(f"{PART}*") if not _alive(path)]
    remove(left)
    return len(left)


def _alive(path: Path) -> bool:
    number = path.name.removeprefix(PART).partition("-")[0]
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True  # another user's process, and running
    return True


def write_json(path: Path, value: Any, *, durable: bool = False) -> None:
    """Write JSON, indented; see ``write_bytes``.

    Parameters
    ----------
    path : Path
        Its folder is made if missing.
    value : object
        Plain values. NaN is refused with a ValueError.
    durable : bool
        Whether it must survive a power cut.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # A terminal obeys control characters above ASCII too; JSON leaves them as they are.
    text = re.sub("[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text)
    # A file name that is not UTF-8 holds lone surrogates; "\udcf6" is their escape in JSON too.
    write_bytes(path, text.encode(errors="backslashreplace"), durable=durable)


def read_json(path: Path, *, remedy: str) -> Any:
    """Read JSON.

    Raises
    ------
    StorageError
        If the file is missing or is not JSON. ``remedy`` says what makes it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except FileNotFoundError as err:
        raise StorageError("the file does not exist", path=path, remedy=remedy) from err
    except (OSError, ValueError, RecursionError) as err:
        raise StorageError(f"the file cannot be read: {err}", path=path, remedy=remedy) from err


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


def read_checked(path: Path, sha256: str | None, *, remedy: str) -> bytes:
    """Read a small file, and compare it with the digest of its record.

    Parameters
    ----------
    path : Path
        The file.
    sha256 : str or None
        None where an earlier version wrote the record, without digests.
    remedy : str
        What makes the file.

    Raises
    ------
    StorageError
        If the file is missing or has other bytes.
    """
    try:
        content = path.read_bytes()
    except OSError as err:
        raise StorageError(
            f"the file cannot be read: {err.strerror}", path=path, remedy=remedy
        ) from err
    if sha256 is not None and bytes_sha256(content) != sha256:
        raise StorageError(CHANGED, path=path, remedy=remedy)
    return content


def is_unchanged(path: Path, sha256: str) -> bool:
    """Return whether a large file has a digest; each state of it is read once in a process.

    Parameters
    ----------
    path : Path
        The file.
    sha256 : str
        Its digest, hexadecimal.
    """
    try:
        status = path.stat()
        key = status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, sha256
        if key not in _UNCHANGED:
            if file_sha256(path) != sha256:
                return False
            if len(_UNCHANGED) >= _REMEMBERED:
                _UNCHANGED.clear()
            _UNCHANGED.add(key)
    except OSError:
        return False
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for a lock below the run root, and hold it; see ``locks.exclusive_lock``.

    Raises
    ------
    StorageError
        If the lock file cannot be made.
    """
    with ExitStack() as stack:
        with _naming(path):
            stack.enter_context(exclusive_lock(path))
        yield


@contextmanager
def held(path: Path, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold a lock below the run root that this thread may hold already.

    See ``locks.reentrant_lock``.

    Parameters
    ----------
    path : Path
        The lock file.
    on_wait : callable, optional
        Called once before the wait, if another process holds the lock.

    Raises
    ------
    StorageError
        If the lock file cannot be made.
    """
    with ExitStack() as stack:
        with _naming(path):
            stack.enter_context(reentrant_lock(path, on_wait=on_wait))
        yield


def remove(paths: Iterable[Path]) -> None:
    """Remove files of ours, where they are still there.

    Raises
    ------
    StorageError
        If a file cannot be removed.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as err:
            remedy = remedy_for(err, "RUN_ROOT")
            raise StorageError(f"cannot remove: {err.strerror}", path=path, remedy=remedy) from err
