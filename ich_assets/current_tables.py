"""The small tables and the worklist of live operation: current at each moment, from kept rows.

The sensor ``result_tables`` and ``run_outputs`` write them under one lock. The large tables, with a
row for each slice, follow at the end of a backlog; ``run_outputs`` alone writes those.
"""

import json
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ich_assets.rows import row_on_disk
from ich_assets.worklist import Written, write_worklist
from ich_resources.clock import iso_time
from ich_resources.digests import fingerprint
from ich_resources.inbox.index import InboxIndex
from ich_resources.storage.earlier import rows_of_table, with_earlier_number
from ich_resources.storage.files import locked
from ich_resources.storage.flagging import Flagging
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger_index import Listing, read_listing
from ich_resources.storage.row_cache import DamagedRowsError, RowCache, open_cache
from ich_resources.storage.row_refresh import Refreshed, refresh
from ich_resources.storage.series_tables import write_series_tables
from ich_resources.storage.table_rows import TableRow

LARGEST_AGE = 600.0
"""The large tables are at most so many seconds older than the small ones."""
_WRITTEN, _ROWS, _FULL, _FULL_AT, _ABOUT = "written", "rows", "full", "full at", "about"
"""Notes: what the small tables hold, with and without the threshold; what the large tables hold,
and since when; weights, options and versions."""
_NOT_WRITTEN = {_WRITTEN: ""}
"""Stored with changed rows, until the files are written."""
_LATER = [("Weights, options, versions", {"are shown": "once the tables over slices are written"})]


class Current(NamedTuple):
    """What the small tables say.

    Attributes
    ----------
    rows : sequence of TableRow
        One per series, where they were written now; else empty.
    behind : bool
        Whether the large tables are of an earlier state.
    full_at : float
        When the large tables were written, in seconds since 1970; 0 if never.
    left : int
        Number of series whose rows are old or missing, because the time was over.
    unreadable : mapping of str to str
        Why the row of a series cannot be made.
    """

    rows: Sequence[TableRow]
    behind: bool
    full_at: float
    left: int
    unreadable: Mapping[str, str]


class Full(NamedTuple):
    """What ``run_outputs`` has written of the large tables.

    Attributes
    ----------
    rows : sequence of (str, TableRow)
        The state of the folder of each series before it was read, and its row; empty for a batch,
        which reads the results of its own options.
    about : sequence of (str, mapping)
        ``worklist.about``.
    at : float
        When, in seconds since 1970.
    """

    rows: Sequence[tuple[str, TableRow]]
    about: Sequence[tuple[str, Mapping[str, Any]]]
    at: float


def is_live(layout: Layout) -> bool:
    """Return whether series have come into the inbox of a run root."""
    return layout.inbox_ledger.is_file()


def write_current(
    layout: Layout,
    flagging: Flagging | None,
    *,
    seconds: float = float("inf"),
    full: Full | None = None,
) -> Current:
    """Bring the small tables and the worklist up to date.

    A table must not lack a series. So while a series has no row yet, all of them stay as they are.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    flagging : Flagging or None
        The threshold on P(any), where one is set.
    seconds : float
        No row is begun after so much time.
    full : Full, optional
        Given by ``run_outputs``, after the large tables.

    Raises
    ------
    StorageError
        If a file cannot be written, or a ledger is damaged.
    """
    try:
        return _brought_up_to_date(layout, flagging, seconds, full)
    except DamagedRowsError:  # the file is removed: all rows are made again
        return _brought_up_to_date(layout, flagging, seconds, full)


def _brought_up_to_date(
    layout: Layout, flagging: Flagging | None, seconds: float, full: Full | None
) -> Current:
    with locked(layout.tables_lock), open_cache(layout.row_cache) as cache:
        listing = read_listing(layout)
        kept = cache.stamps()
        known = rows_of_table(layout) if len(kept) < len(listing.series) else {}
        _keep(cache, kept, known, full)
        build = partial(row_on_disk, layout)
        refreshed = refresh(
            cache,
            layout,
            listing.series,
            build,
            seconds=seconds,
            known=known,
            if_changed=_NOT_WRITTEN,
        )
        return _write(layout, cache, listing, flagging, refreshed, full)


def _keep(
    cache: RowCache, kept: Mapping[str, str], known: Mapping[str, TableRow], full: Full | None
) -> None:
    """Store rows of ``run_outputs``, but where another process has made a newer one."""
    if full is None:
        return
    made = []
    for stamp, row in full.rows:
        if kept.get(row.series, stamp) == stamp:
            before = cache.row(row.series) or known.get(row.series)
            made.append((stamp, with_earlier_number(row, before)))
    cache.put(made, _NOT_WRITTEN)


def _write(
    layout: Layout,
    cache: RowCache,
    listing: Listing,
    flagging: Flagging | None,
    refreshed: Refreshed,
    full: Full | None,
) -> Current:
    asked = _digest_of(listing, flagging)
    notes, made = cache.notes(), cache.stamps().keys() | refreshed.unreadable.keys()
    rows: list[TableRow] = []
    old = notes.get(_WRITTEN) != asked or not layout.worklist.is_file()
    if old and made.issuperset(listing.series):
        kept = cache.rows()
        rows = [kept[uid] for uid in listing.series if uid in kept]
        notes |= {_WRITTEN: asked, _ROWS: _digest_of_rows(rows)}
        if full is not None:
            shown = [row for _, row in full.rows] or rows
            notes |= {_FULL: _digest_of_rows(shown), _FULL_AT: repr(full.at)}
            notes[_ABOUT] = json.dumps(full.about)
        write_series_tables(layout, rows, listing.unassigned, flagging)
        about = json.loads(notes.get(_ABOUT, "null")) or _LATER
        when = _when(float(notes.get(_FULL_AT, "0")))
        write_worklist(Written(rows, listing.unassigned, about, flagging, when), layout)
        cache.set_notes(notes)
    nothing = _digest_of_rows([])
    behind = notes.get(_ROWS, nothing) != notes.get(_FULL, nothing)
    return Current(
        rows, behind, float(notes.get(_FULL_AT, "0")), refreshed.left, refreshed.unreadable
    )


def _digest_of(listing: Listing, flagging: Flagging | None) -> str:
    """Return what tells apart what the small tables hold beside the kept rows."""
    threshold = None if flagging is None else dict(flagging.about())
    files = [[file.path, str(file.judgement.code)] for file in listing.unassigned]
    return fingerprint({"series": listing.series, "files": files, "threshold": threshold})


def _digest_of_rows(rows: Sequence[TableRow]) -> str:
    """Return what tells apart what the large tables hold."""
    current = [row for row in rows if row.p_any is not None and not row.earlier]
    return fingerprint({row.series: [row.state, row.counts, row.p_any] for row in current})


def _when(full_at: float) -> str:
    """Return the sentence that says how old the files are. Times are UTC."""
    large = f"Tables over slices: {iso_time(full_at)}." if full_at else "Tables over slices: later."
    return f"This page and the tables over series: {iso_time(time.time())}. {large}"


def others_under_way(layout: Layout, mine: Collection[str]) -> bool:
    """Return whether a series of the inbox is due or under way, other than some.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    mine : collection of str
        SeriesInstanceUIDs that do not count.
    """
    if not layout.inbox_index.is_file():
        return False
    with InboxIndex.open(layout.inbox_index) as index:
        arrivals = index.arrivals("admitted", "running")
    return any(arrival.series_instance_uid not in mine for arrival in arrivals)
