"""When an open series is complete."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

MARKER = ".done"
"""Name of a marker file: its folder, and the folders below it, are complete."""


@dataclass(frozen=True)
class OpenSeries:
    """A series with new or changed files that has not been judged since.

    Attributes
    ----------
    series_instance_uid, study_instance_uid : str
        SeriesInstanceUID and StudyInstanceUID.
    files : int
        Number of its files in the inbox.
    last_seen : float
        When the last of them came or changed, in seconds since 1970.
    folders : frozenset of str
        The folders of its files, relative to the inbox. The empty text is the inbox itself.
    """

    series_instance_uid: str
    study_instance_uid: str
    files: int
    last_seen: float
    folders: frozenset[str]


def seconds_left(
    series: OpenSeries,
    *,
    now: float,
    quiet_seconds: float,
    unread_folders: Set[str],
    markers: Mapping[str, float],
) -> float:
    """Return the time until a series is complete.

    A series is complete when no file of it came or changed for ``quiet_seconds``. It is complete
    at once when each of its folders, or a folder above, has a marker that is not older than the
    last file. A folder with unread files keeps the series open: a file in it may be a slice of
    this series.

    Parameters
    ----------
    series : OpenSeries
        The series.
    now : float
        The time, in seconds since 1970.
    quiet_seconds : float
        A series without a new file for this time, in seconds, is complete.
    unread_folders : set of str
        Folders with files whose headers have not been read yet.
    markers : mapping of str to float
        When the marker file of a folder came, in seconds since 1970, by folder.

    Returns
    -------
    float
        Seconds; 0 if the series is complete.
    """
    if not series.files or series.folders & unread_folders:
        return max(quiet_seconds, 1.0)
    if all(_marked_at(folder, markers) >= series.last_seen for folder in series.folders):
        return 0.0
    return max(0.0, series.last_seen + quiet_seconds - now)


def _marked_at(folder: str, markers: Mapping[str, float]) -> float:
    """Return when the newest marker of a folder, or of one above it, came.

    A marker in the inbox itself counts only for the files directly in it.
    """
    times = [markers.get(folder, 0.0)]
    while "/" in folder:
        folder = folder.rpartition("/")[0]
        times.append(markers.get(folder, 0.0))
    return max(times)
