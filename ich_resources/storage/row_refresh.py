"""Which kept rows are old: the folder of a series has another time than when its row was made.

Every file below ``state/series/<uid>`` is written under a temporary name and renamed, so each
change gives the folder a new time. One look at each folder is enough, not at each file.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ich_resources.errors import IchError
from ich_resources.storage.earlier import with_earlier_number
from ich_resources.storage.layout import Layout
from ich_resources.storage.row_cache import RowCache
from ich_resources.storage.table_rows import TableRow

_YOUNG = 2.0
"""A folder that changed so many seconds ago may change once more within the same time stamp."""
Build = Callable[[str], TableRow]
"""SeriesInstanceUID -> its row, from what is on disk."""


class Refreshed(NamedTuple):
    """What became of the rows.

    Attributes
    ----------
    changed : bool
        Whether a row is another one than before.
    left : int
        Number of series whose row is old or missing, because the time was over.
    unreadable : dict of str to str
        Why the row of a series cannot be made, by SeriesInstanceUID. An earlier row stays.
    """

    changed: bool
    left: int
    unreadable: dict[str, str]


def folder_times(layout: Layout) -> dict[str, int]:
    """Return when the folder of each series last changed, in nanoseconds since 1970."""
    try:
        with os.scandir(layout.series_folders) as found:
            return {entry.name: entry.stat().st_mtime_ns for entry in found}
    except FileNotFoundError:
        return {}


def stamp(changed: int, now: float) -> str:
    """Return what tells the state of a folder apart; empty where it may change unseen.

    Parameters
    ----------
    changed : int
        When it last changed, in nanoseconds since 1970.
    now : float
        The time before its files were read, in seconds since 1970.
    """
    return str(changed) if now - changed / 1e9 > _YOUNG else ""


def refresh(
    cache: RowCache,
    layout: Layout,
    series: Sequence[str],
    build: Build,
    *,
    seconds: float = float("inf"),
    known: Mapping[str, TableRow] | None = None,
    if_changed: Mapping[str, str] | None = None,
) -> Refreshed:
    """Make the old rows again, those first that changed last.

    Parameters
    ----------
    cache : RowCache
        The kept rows.
    layout : Layout
        Paths below the run root.
    series : sequence of str
        SeriesInstanceUIDs.
    build : callable
        Makes a row.
    seconds : float
        No row is begun after so much time.
    known : mapping, optional
        What the tables said of series that have no kept row.
    if_changed : mapping, optional
        Notes to store with rows that have changed.
    """
    began, now = time.monotonic(), time.time()
    times, stamps = folder_times(layout), cache.stamps()
    old = [uid for uid in series if not stamps.get(uid) or stamps[uid] != str(times.get(uid, 0))]
    old.sort(key=lambda uid: -times.get(uid, 0))
    unreadable: dict[str, str] = {}
    made: list[tuple[str, TableRow]] = []
    changed, done = False, 0
    for uid in old:
        if time.monotonic() - began > seconds:
            break
        done += 1
        before = cache.row(uid)
        try:
            row = build(uid)
        except IchError as error:
            unreadable[uid] = str(error)
            continue
        row = with_earlier_number(row, before or (known or {}).get(uid))
        made.append((stamp(times.get(uid, 0), now), row))
        changed = changed or row != before
    cache.put(made, (if_changed or {}) if changed else {})
    return Refreshed(changed, len(old) - done, unreadable)
