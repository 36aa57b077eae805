"""What changed in the inbox since the last listing: a comparison without a database."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ich_resources.folders import FoundFile
from ich_resources.inbox.growth import MARKER
from ich_resources.uids import TEMPORARY_SUFFIXES


class KnownFile(NamedTuple):
    """One file as the index has it.

    Attributes
    ----------
    size : int
        Size in bytes.
    mtime_ns : int
        Time of the last change, in nanoseconds since 1970.
    gone : int
        1 if the file was not in the last listing, else 0.
    """

    size: int
    mtime_ns: int
    gone: int


class Changes(NamedTuple):
    """The differences between a listing and the index.

    Attributes
    ----------
    to_read : list of FoundFile
        Files that are new, or have another size or time.
    back : list of bytes
        Paths of files that were gone and are back as they were.
    gone : list of bytes
        Paths of files that are gone since the last listing.
    """

    to_read: list[FoundFile]
    back: list[bytes]
    gone: list[bytes]


def compare(known: Mapping[bytes, KnownFile], found: Sequence[FoundFile]) -> Changes:
    """Compare a listing of the inbox with the index.

    Parameters
    ----------
    known : mapping of bytes to KnownFile
        Every file that was ever listed, by path.
    found : sequence of FoundFile
        Every file that is in the inbox.
    """
    changes = Changes([], [], [])
    paths = set()
    for file in found:
        path = os.fsencode(file.path)
        paths.add(path)
        earlier = known.get(path)
        if earlier is None or earlier[:2] != (file.size, file.mtime_ns):
            changes.to_read.append(file)
        elif earlier.gone:
            changes.back.append(path)
    changes.gone.extend(path for path, file in known.items() if not file.gone and path not in paths)
    return changes


def kind_of(name: str) -> str:
    """Return the kind of a file that has not been read: ``marker``, ``temporary`` or ``unread``.

    Parameters
    ----------
    name : str
        File name, without its folder.
    """
    if name == MARKER:
        return "marker"
    return "temporary" if name.lower().endswith(TEMPORARY_SUFFIXES) else "unread"
