"""Writing to the model folder: room, and errors that say what to do."""

import errno
import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ich_resources.errors import FetchError
from ich_resources.weights.progress import megabytes

_FULL = "free some space and run the job again: what is there is not fetched twice"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: "make MODEL_DIR writable, or choose another MODEL_DIR",
    errno.EPERM: "make MODEL_DIR writable, or choose another MODEL_DIR",
    errno.EROFS: "the file system is read-only: choose another MODEL_DIR",
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` inside into an error that names file and remedy.

    Raises
    ------
    FetchError
        In place of the ``OSError``.
    """
    try:
        yield
    except OSError as err:
        full = err.errno in (errno.ENOSPC, errno.EDQUOT)
        raise FetchError(
            "the disk is full" if full else f"cannot write: {err.strerror or err}",
            path=path,
            remedy=_REMEDIES.get(err.errno or 0),
        ) from err


def require_room(folder: Path, needed: int, what: str) -> None:
    """Make sure that so many bytes are free before the first is written.

    Raises
    ------
    FetchError
        If they are not.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise FetchError(
            f"the disk is full: {what} needs {megabytes(needed)}, {megabytes(free)} are free",
            path=folder,
            remedy=_FULL,
        )


def write_text(path: Path, text: str) -> None:
    """Write a small file whole, or not at all.

    Raises
    ------
    FetchError
        If it cannot be written.
    """
    temporary = path.with_name(f".part-{path.name}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Return what ``write_text`` wrote; empty where it is missing or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other fetches out of a model folder; made if missing.

    Raises
    ------
    FetchError
        If another process fetches into it, or it cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("a")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise FetchError(
                "another process is fetching checkpoints into this folder",
                path=folder.parent,
                remedy="wait until it has ended",
            ) from err
        except OSError:
            pass  # a file system without locks: the temporary names are all that is shared
        yield
