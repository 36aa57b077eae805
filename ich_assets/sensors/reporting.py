"""What people see of a tick: inbox_ledger.csv, its table in Dagster, and one line."""

import time
from collections.abc import Sequence
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


def report(
    storage: StorageResource,
    index: InboxIndex,
    unassigned: Sequence[UnassignedFile],
    cause: Cause | None,
) -> list[dg.AssetMaterialization]:
    """Write inbox_ledger.csv; return an event if a state or the number of files changed.

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
    if reported == index.get_note("told"):
        return []
    index.set_note("told", reported)
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
