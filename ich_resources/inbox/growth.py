"""When a series has stopped growing."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

MARKER = ".done"
"""A file of this name says that its folder, and those below it, are complete."""
TEMPORARY_SUFFIXES = (".part", ".tmp")
"""Files of these endings are still being written."""


@dataclass(frozen=True)
class Growth:
    """What has come of one series so far.

    Attributes
    ----------
    series_instance_uid, study_instance_uid : str
        Its UIDs.
    files : int
        Files in the inbox.
    last_seen : float
        When the last of them came or changed, in seconds since 1970.
    folders : frozenset of str
        Where they lie, relative to the inbox; the inbox itself is the empty text.
    """

    series_instance_uid: str
    study_instance_uid: str
    files: int
    last_seen: float
    folders: frozenset[str]


def seconds_left(
    growth: Growth,
    *,
    now: float,
    quiet_seconds: float,
    unread_folders: Set[str],
    markers: Mapping[str, float],
) -> float:
    """Return how long a series has to be quiet still; 0 for one that is complete.

    Parameters
    ----------
    growth : Growth
        The series.
    now : float
        Seconds since 1970.
    quiet_seconds : float
        A series without a new file for so long is complete.
    unread_folders : set of str
        Folders with files whose headers have not been read yet: any series may be theirs.
    markers : mapping of str to float
        When a marker file came, by its folder.
    """
    if not growth.files or growth.folders & unread_folders:
        return max(quiet_seconds, 1.0)
    if all(_marked(folder, markers) >= growth.last_seen for folder in growth.folders):
        return 0.0
    return max(0.0, growth.last_seen + quiet_seconds - now)


def _marked(folder: str, markers: Mapping[str, float]) -> float:
    """Return when the newest marker of a folder or one above it came, the inbox itself apart."""
    times = [markers.get(folder, 0.0)]
    while "/" in folder:
        folder = folder.rpartition("/")[0]
        times.append(markers.get(folder, 0.0))
    return max(times)
