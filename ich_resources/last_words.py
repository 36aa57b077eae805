"""Where each thread was when a library in C crashed this process: kept in a small file."""

import faulthandler
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

KEPT = 50
"""Files that are kept: those of the latest crashes."""
_SHOWN = 200


@contextmanager
def keeping_last_words(path: Path) -> Iterator[None]:
    """Let a crash inside the block write its stacks to a file. Without a crash none is left.

    It holds for signals of a fault: SIGSEGV, SIGFPE, SIGABRT, SIGBUS, SIGILL. The stacks name
    functions and lines, and no values. A file takes some kilobytes.

    Parameters
    ----------
    path : Path
        The file. Its folder is made if it is missing.

    Raises
    ------
    OSError
        If the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _make_room(path.parent)
    before = faulthandler.is_enabled()
    with path.open("w") as file:
        faulthandler.enable(file)
        try:
            yield
        finally:
            faulthandler.disable()
            if before and sys.__stderr__ is not None:
                with suppress(OSError, ValueError, RuntimeError):  # stderr may not be a file
                    faulthandler.enable(sys.__stderr__)
    path.unlink(missing_ok=True)


def _make_room(folder: Path) -> None:
    files = sorted(folder.iterdir(), key=lambda path: path.lstat().st_mtime)
    for path in files[: max(0, len(files) - KEPT)]:
        path.unlink(missing_ok=True)


def last_words(path: Path) -> str:
    """Return the first line that a crash has written, and the file; empty if there was none.

    Parameters
    ----------
    path : Path
        The file.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            line = file.readline(_SHOWN).strip()
    except OSError:
        return ""
    return f"{line} [{path}]" if line else ""
