"""Writing to the model folder: free space, the lock, and errors with a remedy."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn

from ich_resources.errors import FetchError
from ich_resources.locks import exclusive_lock
from ich_resources.weights.progress import megabytes
from ich_resources.whole_files import is_full, remedy_for, write_whole

_FULL = "free some space and run the job again: files that are here are not fetched twice"


@contextmanager
def writing(path: Path, setting: str = "MODEL_DIR") -> Iterator[None]:
    """Turn an ``OSError`` inside the block into a ``FetchError``; see ``raise_for``."""
    try:
        yield
    except OSError as err:
        raise_for(path, err, setting)


def raise_for(path: Path, err: OSError, setting: str = "MODEL_DIR") -> NoReturn:
    """Raise the error for a file that cannot be written. It has the path and a remedy.

    Parameters
    ----------
    path : Path
        The file.
    err : OSError
        From a write.
    setting : str
        Name of the setting that holds the folder.

    Raises
    ------
    FetchError
        Always.
    """
    full = is_full(err)
    raise FetchError(
        "the disk is full" if full else f"cannot write: {err.strerror or err}",
        path=path,
        remedy=_FULL if full else remedy_for(err, setting),
    ) from err


def require_room(folder: Path, needed: int, what: str) -> None:
    """Check that ``needed`` bytes are free, before the first byte is written.

    Parameters
    ----------
    folder : Path
        It exists; its file system is asked.
    needed : int
        Bytes.
    what : str
        What needs them, for the error.

    Raises
    ------
    FetchError
        If fewer bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise FetchError(
            f"the disk is full: {what} needs {megabytes(needed)}, {megabytes(free)} are free",
            path=folder,
            remedy=_FULL,
        )


def write_text(path: Path, text: str) -> None:
    """Write a small file. After an error the old file is unchanged.

    Raises
    ------
    FetchError
        If it cannot be written.
    """
    with writing(path):
        write_whole(path, text.encode(), f".part-{path.name}")


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file; empty if the file is missing or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


@contextmanager
def only_fetch(folder: Path) -> Iterator[None]:
    """Lock a work folder, so that no other process fetches into it. Create it if it is missing.

    Raises
    ------
    FetchError
        If another process has the lock, or the folder cannot be written.
    """
    with ExitStack() as stack:
        try:
            with writing(folder):
                stack.enter_context(exclusive_lock(folder / "lock", wait=False))
        except FetchError as err:
            if isinstance(err.__cause__, BlockingIOError):
                raise FetchError(
                    "another process is fetching files into this folder",
                    path=folder.parent,
                    remedy="wait until it has ended",
                ) from err.__cause__
            raise
        yield
