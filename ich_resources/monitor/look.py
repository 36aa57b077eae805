"""One look at live operation: inbox, ticks and disks."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ich_resources.errors import StorageError
from ich_resources.inbox.faults import PAUSED
from ich_resources.inbox.reading import InboxNow, read_inbox
from ich_resources.storage.files import read_json
from ich_resources.storage.layout import Layout

NO_TICK, WAITING = "NO_TICK", "WAITING"
"""Codes of an inbox that no tick looks at, and of one whose series wait too long."""


_READ_ANEW_S = 60.0


@dataclass(frozen=True)
class Limits:
    """How much is too much.

    Attributes
    ----------
    stalled_s, waiting_s : float
        Seconds since the end of the last tick, and that the oldest series may wait.
    free_bytes : int
        Least free space of a disk.
    """

    stalled_s: float
    waiting_s: float
    free_bytes: int


@dataclass(frozen=True)
class Look:
    """What a look has found.

    Attributes
    ----------
    inbox : InboxNow or None
        None if the index does not exist or cannot be read.
    unreadable : bool
        Whether it exists and cannot be read.
    tick_age_s : float or None
        Seconds since the last tick ended; None if none ever did.
    waits_s : float
        Seconds that the oldest complete series without a result waits; 0 if none waits.
    free : mapping of str to int
        Free bytes on the disk of each folder, by its name; folders that are away are missing.
    away : tuple of str
        Names of these folders.
    stalls : mapping of str to str
        What stalls the inbox: code, and since when.
    """

    inbox: InboxNow | None
    unreadable: bool
    tick_age_s: float | None
    waits_s: float
    free: Mapping[str, int]
    away: tuple[str, ...]
    stalls: Mapping[str, str]


class Watch:
    """Looks again and again.

    Parameters
    ----------
    layout : Layout
        Of the run root.
    disks : mapping of str to Path
        Folders whose disks are watched, by name.
    limits : Limits
        How much is too much.
    """

    def __init__(self, layout: Layout, disks: Mapping[str, Path], limits: Limits) -> None:
        self._layout, self._disks, self._limits = layout, disks, limits
        self._inbox: InboxNow | None = None
        self._read_of, self._read_at = (0, 0, 0), 0.0
        self._last_tick: float | None = None
        self._seen_at = time.monotonic()
        self._age_then = 0.0

    def look(self) -> Look:
        """Return what is found now."""
        now = time.time()
        inbox, unreadable = self._read(now)
        waits_since = None if inbox is None else inbox.waits_since
        waits = 0.0 if waits_since is None else max(0.0, now - waits_since)
        tick_age = self._tick_age(now)
        free, away = self._free()
        stalls = {}
        if tick_age is not None and tick_age > self._limits.stalled_s:
            stalls[NO_TICK] = str(self._last_tick)
        cause = None if inbox is None else inbox.cause
        if cause is not None and cause.code != PAUSED:
            stalls[cause.code] = str(cause.since)
        if waits > self._limits.waiting_s and cause is None:
            stalls[WAITING] = str(waits_since)
        return Look(inbox, unreadable, tick_age, waits, free, away, stalls)

    def _read(self, now: float) -> tuple[InboxNow | None, bool]:
        """Return the inbox, and whether its index cannot be read; an unchanged one is not read."""
        try:
            status = self._layout.inbox_index.stat()
        except OSError:
            return None, False
        version = status.st_ino, status.st_mtime_ns, status.st_size
        read_at = time.monotonic()
        if (
            self._inbox is None
            or version != self._read_of
            or read_at > self._read_at + _READ_ANEW_S
        ):
            try:
                self._inbox = read_inbox(self._layout.inbox_index, now)
            except StorageError:
                self._inbox = None
                return None, True
            self._read_of, self._read_at = version, read_at
        return self._inbox, False

    def _tick_age(self, now: float) -> float | None:
        """Return the seconds since the last tick ended, though the wall clock may be set."""
        try:
            ended = float(read_json(self._layout.inbox_tick, remedy="")["ended"])
        except (StorageError, KeyError, TypeError, ValueError):
            ended = None
        if ended is None and self._last_tick is None:
            return None
        if ended is not None and ended != self._last_tick:
            first = self._last_tick is None
            self._last_tick, self._seen_at = ended, time.monotonic()
            # One that ended before this process began can be dated by the wall clock alone.
            self._age_then = max(0.0, now - ended) if first else 0.0
        return self._age_then + time.monotonic() - self._seen_at

    def _free(self) -> tuple[dict[str, int], tuple[str, ...]]:
        free, away = {}, []
        for name, folder in self._disks.items():
            try:
                free[name] = shutil.disk_usage(folder).free
            except OSError:
                away.append(name)
        return free, tuple(away)
