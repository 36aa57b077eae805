"""Which files below the run root are a step's own, and whether they lie within it at all.

A record is a file that anybody may have edited or copied. A file that it names is read or
removed only where the step itself would have written it, and where no link leads out of the run
root.
RUN_ROOT, ``output``, ``processed`` and ``state`` may be links themselves.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ich_resources.errors import StorageError
from ich_resources.storage.content import Content
from ich_resources.storage.layout import Layout
from ich_resources.storage.schemas import schema_of
from ich_resources.subjects import Subject

_TOPS = ("", "output", "processed", "state")
"""Folders that may be links to another disk."""


def is_own(layout: Layout, subject: Subject, step: str, name: str) -> bool:
    """Return whether a name, relative to the run root, is of a file that a step may write.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    subject : Subject
        What the step works on.
    step : str
        Name of the step.
    name : str
        As a record lists it.
    """
    path = PurePosixPath(name)
    if "\0" in name or ".." in path.parts or str(path) != name:
        return False
    own = schema_of(step).may_write(layout, subject, step, layout.run_root / path)
    return own or name == layout.relative(layout.array(subject, step))


def needed(layout: Layout, subject: Subject, step: str, content: Content) -> set[str]:
    """Return the files that a whole record of a step lists: those that other steps read.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    subject : Subject
        What the step works on.
    step : str
        Name of the step.
    content : Content
        Of its record.
    """
    return {layout.relative(path) for path in content.needed(layout, subject, step)}


def is_inside(layout: Layout, path: Path) -> bool:
    """Return whether a path lies within the run root once all links are followed.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    path : Path
        It need not exist.
    """
    real = Path(os.path.realpath(path))
    tops = (os.path.realpath(layout.run_root / top) for top in _TOPS)
    return any(real.is_relative_to(top) for top in tops)


def require_inside(layout: Layout, folders: Iterable[Path]) -> None:
    """Check that no folder is a link that leads out of the run root.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    folders : iterable of Path
        The folders. They need not exist.

    Raises
    ------
    StorageError
        If one is.
    """
    for folder in folders:
        if not is_inside(layout, folder):
            raise StorageError(
                "the folder is a link that leads out of RUN_ROOT",
                path=folder,
                remedy="remove the link; only RUN_ROOT, output, processed and state may be links",
            )


def sizes(layout: Layout, names: Iterable[str]) -> list[int | None]:
    """Return the size of each file in bytes, None where it is missing or lies outside.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    names : iterable of str
        Relative to it.
    """
    folders: dict[Path, bool] = {}
    found: list[int | None] = []
    for name in names:
        path = layout.run_root / name
        if path.parent not in folders:
            folders[path.parent] = is_inside(layout, path.parent)
        found.append(_size(layout, path) if folders[path.parent] else None)
    return found


def _size(layout: Layout, path: Path) -> int | None:
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            if not is_inside(layout, path):
                return None
            status = path.stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
