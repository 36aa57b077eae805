"""The one writer of whole files: a temporary name first, then the final name.

After a crash either the earlier content or the new content is there, never a part of one.
"""

import errno
import os
import socket
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

PART = f".part-{socket.gethostname()}-"
"""Begins a temporary name that ``storage.files.sweep`` knows; the process id follows."""
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_FULL = "free some space and run the same command again; finished work is kept"


def part_name() -> str:
    """Return a temporary name that no other process has, and that names this one."""
    return f"{PART}{os.getpid()}-{uuid.uuid4().hex}"


def write_whole(
    path: Path,
    content: bytes,
    temporary_name: str,
    *,
    durable: bool = False,
    durable_name: bool = False,
    mode: int = 0o666,
) -> None:
    """Write a file whole, or leave its earlier content.

    Parameters
    ----------
    path : Path
        The final name. Its folder is made if missing.
    content : bytes
        All of it.
    temporary_name : str
        Name in the same folder until the content is complete. It must be different for each
        process that writes the file at the same time.
    durable : bool
        Whether the content must survive a power cut. This costs some milliseconds.
    durable_name : bool
        Whether the new name must survive a power cut too, and the folders that were made.
    mode : int
        Who may read and write it from its creation on; the umask takes away from it.

    Raises
    ------
    OSError
        If the file cannot be written. The file under the final name is unchanged then.
    """
    missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(temporary_name)
    try:
        _write(temporary, [content], mode, durable=durable)
        temporary.replace(path)
        if durable_name:
            for folder in (path.parent, *(made.parent for made in missing)):
                _sync_folder(folder)
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_new(
    path: Path, content: Sequence[bytes], temporary_name: str, *, mode: int = 0o666
) -> None:
    """Write a file whole where none is yet; content and name survive a power cut.

    Parameters
    ----------
    path : Path
        The final name. Its folder is made if missing.
    content : sequence of bytes
        Its parts, in order.
    temporary_name : str
        As for ``write_whole``.
    mode : int
        As for ``write_whole``.

    Raises
    ------
    FileExistsError
        If the name is taken. The file that has it stays as it is.
    OSError
        If the file cannot be written.
    """
    missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(temporary_name)
    try:
        _write(temporary, content, mode, durable=True)
        try:
            # A rename would replace what another process writes at this moment.
            path.hardlink_to(temporary)
        except OSError as err:
            if err.errno not in _NO_LINKS:
                raise
            if os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()
    for folder in (path.parent, *(made.parent for made in missing)):
        _sync_folder(folder)


def _write(temporary: Path, content: Sequence[bytes], mode: int, *, durable: bool) -> None:
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_full(error: OSError) -> bool:
    """Return whether a disk or a quota is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def remedy_for(error: OSError, folder: str) -> str | None:
    """Return what a person can do about an error of a file system, None where nothing is known.

    Parameters
    ----------
    error : OSError
        From a write.
    folder : str
        Name of the setting that holds the folder: ``RUN_ROOT``, ``MODEL_DIR``.
    """
    writable = f"make {folder} writable, or choose another {folder}"
    return {
        errno.ENOSPC: f"the disk is full: {_FULL}",
        errno.EDQUOT: f"the quota is used up: {_FULL}",
        errno.EACCES: writable,
        errno.EPERM: writable,
        errno.EROFS: f"the file system is read-only: choose another {folder}",
        errno.EFBIG: "files may not grow so large here (ulimit -f): raise the limit and run again",
        errno.EEXIST: f"a file is in the way: choose another {folder}",
        errno.ENOTDIR: f"a file is in the way: choose another {folder}",
        errno.EISDIR: f"a folder is in the way: choose another {folder}",
    }.get(error.errno or 0)
