"""What people see of a tick: inbox_ledger.csv, its table in Dagster, and one line."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from ich_assets.ledger import INBOX_LEDGER
from ich_assets.metadata import table_metadata
from ich_resources.arrivals import Cause
from ich_resources.digests import fingerprint
from ich_resources.inbox.index import InboxIndex
from ich_resources.series import UnassignedFile
from ich_resources.storage.arrival_tables import inbox_table
from ich_resources.storage.files import write_bytes
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.slice_tables import csv_bytes

SHOWN_COLUMNS = (
    "state",
    "phase",
    "files",
    "codes",
    "sentence",
    "description",
    "last_file",
    "done",
    "seconds_to_result",
    "series_id",
)
"""Columns of the table in Dagster, the most important first."""
SECONDS_BETWEEN_EVENTS = 300.0
"""Dagster gets the table at most so often while series are on their way: it keeps every copy."""
_ON_THEIR_WAY = ("arriving", "admitted", "running")
_TOLD, _TOLD_AT, _CAUSE, _WITHHELD = "told", "told at", "told cause", "withheld"
"""Notes: what Dagster knows, since when, with which cause; whether it lacks the latest state."""


def report(
    storage: StorageResource,
    index: InboxIndex,
    unassigned: Sequence[UnassignedFile],
    cause: Cause | None,
) -> list[dg.AssetMaterialization]:
    """Write inbox_ledger.csv; return an event for Dagster if something changed and one is due.

    While series are on their way, an event is due five minutes after the last one. Once all have
    their result, and when a fault of the machine comes or goes, it is due at once.

    Parameters
    ----------
    storage : StorageResource
        Where the table goes.
    index : InboxIndex
        The series.
    unassigned : sequence of UnassignedFile
        DICOM files of the inbox in no series.
    cause : Cause or None
        The fault of the machine that stands.
    """
    table = inbox_table(index.arrivals(), unassigned, cause, index.times())
    path = storage.layout.output / "inbox_ledger.csv"
    write_bytes(path, csv_bytes(table))
    states = index.states()
    reported = fingerprint(
        {
            "files": index.count(),
            "states": list(table["state"]),
            "cause": cause.sentence if cause is not None else "",
        }
    )
    if reported == index.get_note(_TOLD):
        return []
    why = cause.code if cause is not None else ""
    if not _is_due(index, states, why):
        index.set_note(_WITHHELD, "yes")
        return []
    notes = {_TOLD: reported, _TOLD_AT: repr(time.time()), _CAUSE: why, _WITHHELD: ""}
    for name, value in notes.items():
        index.set_note(name, value)
    counts: dict[str, Any] = {f"series_{state}": number for state, number in states.items()}
    counts |= _seconds_to_result(index)
    if cause is not None:
        counts = {"waiting_for": f"{cause.code}: {cause.sentence}", **counts}
    return [
        dg.AssetMaterialization(
            INBOX_LEDGER.key,
            metadata={
                **counts,
                "files": index.count(),
                "path": dg.MetadataValue.path(str(path)),
                "series": table_metadata(table[list(SHOWN_COLUMNS)]),
            },
        )
    ]


def _is_due(index: InboxIndex, states: Mapping[str, int], why: str) -> bool:
    under_way = any(states.get(state) for state in _ON_THEIR_WAY)
    return not under_way or why != index.get_note(_CAUSE) or _is_old(index)


def _is_old(index: InboxIndex) -> bool:
    """Return whether the last event is too old; one from the future is, as the clock was set."""
    return not 0 <= time.time() - float(index.get_note(_TOLD_AT) or 0) < SECONDS_BETWEEN_EVENTS


def is_overdue(index: InboxIndex) -> bool:
    """Return whether the table is to be written though this tick has changed nothing."""
    return bool(index.get_note(_WITHHELD)) and _is_old(index)


def report_again(index: InboxIndex) -> None:
    """Let the next tick report: another process has changed the index."""
    for name, value in ((_WITHHELD, "yes"), (_TOLD_AT, "0")):
        index.set_note(name, value)


def _seconds_to_result(index: InboxIndex) -> dict[str, float]:
    """Return p50 and p95 of the time from complete to result, in seconds, as plain numbers."""
    found = index.seconds_to_result(time.time())
    return {
        f"seconds_to_result_{name}{suffix}": value
        for suffix, period in (("", "all"), ("_last_24_hours", "last_24_hours"))
        for name, value in found[period].items()
        if name != "series"
    }


def summary(index: InboxIndex, cause: Cause | None) -> str:
    """Return the line that Dagster shows for a tick without a request."""
    states = index.states()
    known = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    unread = index.count("unread")
    text = f"{sum(states.values())} series known" + (f" ({known})" if known else "")
    text += f"; {unread} files still to be read" if unread else ""
    return text if cause is None else f"No run is requested: {cause.sentence}. {text}"
