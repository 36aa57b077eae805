"""The inbox index as another process reads it: nothing is written, and no tick waits for long."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from ich_resources.arrivals import Cause
from ich_resources.errors import StorageError
from ich_resources.inbox.faults import CAUSE_NOTE
from ich_resources.inbox.index import VERSION
from ich_resources.inbox.time_index import PHASE, has_times, read_only, results_in

_REMEDY = (
    "start live operation, which makes it; if it is there, delete it: the sensor makes a new one, "
    "and finished series do not run again"
)


class EndedSeries(NamedTuple):
    """A series with a result, or one that failed.

    Attributes
    ----------
    series, study : str
        SeriesInstanceUID and StudyInstanceUID.
    version, request_id : str
        The version, and the last request for it.
    state : str
        ``done``, ``incomplete`` or ``failed``.
    codes : str
        Reason codes.
    """

    series: str
    study: str
    version: str
    request_id: str
    state: str
    codes: str


class InboxNow(NamedTuple):
    """The inbox at one moment.

    Attributes
    ----------
    phases : mapping of str to int
        Number of series in each phase, as long as no fault of the machine is considered.
    failures : mapping of str to int
        Number of failed series with each reason code.
    waits_since : float or None
        Since when the oldest complete series without a result waits, in seconds since 1970.
    unread : int
        Number of files whose headers are still to be read.
    cause : Cause or None
        The fault of the machine that stands.
    to_result : mapping
        How long results took; see ``time_index.seconds_to_result``.
    ended : tuple of EndedSeries
        Every series with a result, and every failed one.
    """

    phases: Mapping[str, int]
    failures: Mapping[str, int]
    waits_since: float | None
    unread: int
    cause: Cause | None
    to_result: Mapping[str, Mapping[str, float]]
    ended: tuple[EndedSeries, ...]


def read_inbox(path: Path, now: float) -> InboxNow:
    """Read the index.

    Parameters
    ----------
    path : Path
        The index.
    now : float
        The time, in seconds since 1970.

    Raises
    ------
    StorageError
        If it does not exist or cannot be read.
    """
    with _reading(path) as index:
        rows = index.execute(
            "SELECT series_instance_uid, study_instance_uid, version, token, state, codes "
            "FROM arrivals WHERE state IN ('done', 'incomplete', 'failed')"
        )
        ended = tuple(EndedSeries(*row) for row in rows)
        note = index.execute("SELECT value FROM notes WHERE name = ?", (CAUSE_NOTE,)).fetchone()
        unread = "SELECT count(*) FROM files WHERE kind = 'unread' AND NOT gone"
        return InboxNow(
            phases=dict(
                index.execute(f"SELECT {PHASE}, count(*) FROM arrivals a GROUP BY 1")  # noqa: S608
            ),
            failures=Counter(
                code for each in ended if each.state == "failed" for code in _codes(each.codes)
            ),
            waits_since=_oldest(index),
            unread=index.execute(unread).fetchone()[0],
            cause=Cause(**json.loads(note[0])) if note and note[0] else None,
            to_result=results_in(index, now),
            ended=ended,
        )


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(read_only(path)) as connection:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found != VERSION:
                raise StorageError(
                    f"the inbox index has version {found}, this program reads {VERSION}",
                    path=path,
                    remedy=_REMEDY,
                )
            yield connection
    except sqlite3.Error as err:
        raise StorageError(
            f"the inbox index cannot be read: {err}", path=path, remedy=_REMEDY
        ) from err


def _oldest(index: sqlite3.Connection) -> float | None:
    waiting = "SELECT min({}) FROM arrivals a {} WHERE a.state = 'admitted'"
    if has_times(index):
        join = "LEFT JOIN times t ON t.series_instance_uid = a.series_instance_uid"
        query = waiting.format("coalesce(t.complete, a.last_seen)", join)
    else:
        query = waiting.format("a.last_seen", "")
    return index.execute(query).fetchone()[0]


def _codes(codes: str) -> list[str]:
    """Return the codes of a series, without their numbers: ``LOCALIZER x2, GANTRY_TILT``."""
    return [code.split()[0] for code in codes.split(",") if code.strip()] or ["UNKNOWN"]
