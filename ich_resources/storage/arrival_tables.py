"""The inbox as people read it: a row per series ever seen there."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ich_resources.arrivals import Arrival, Cause, SeriesTimes
from ich_resources.clock import iso_time
from ich_resources.series import UnassignedFile

INBOX_COLUMNS = (
    "series_id",
    "study_id",
    "description",
    "state",
    "files",
    "admitted",
    "refused",
    "failed",
    "codes",
    "sentence",
    "last_file",
    "version",
    "phase",
    "first_file",
    "complete",
    "requested",
    "started",
    "done",
    "seconds_to_result",
)
"""Columns of ``inbox_ledger.csv``."""
NEED_A_PERSON = ("failed", "held", "waiting")
"""Phases in which a series waits until somebody does something."""
_MOMENTS = ("first_file", "complete", "requested", "started", "done")


def inbox_table(
    arrivals: Sequence[Arrival],
    unassigned: Sequence[UnassignedFile],
    cause: Cause | None = None,
    times: Mapping[str, SeriesTimes] | None = None,
) -> pd.DataFrame:
    """Return ``inbox_ledger.csv``: series, and files of no series.

    First come rows that need a person: failed, on hold, waiting for the end of a fault of the
    machine. Among equals the latest series is first. Times are UTC.

    Parameters
    ----------
    arrivals : sequence of Arrival
        The series, the latest last.
    unassigned : sequence of UnassignedFile
        DICOM files in no series.
    cause : Cause, optional
        The fault of the machine that stands: due series show it in place of their own codes.
    times : mapping of str to SeriesTimes, optional
        The times of the series, by SeriesInstanceUID.
    """
    known = times or {}
    rows: list[dict[str, Any]] = [
        {
            "series_id": a.series_instance_uid,
            "study_id": a.study_instance_uid,
            "description": a.description,
            "state": a.state,
            "files": a.files,
            "admitted": a.admitted,
            "refused": a.refused,
            "failed": a.failed,
            "codes": a.codes,
            "sentence": a.sentence,
            "last_file": iso_time(a.last_seen),
            "version": a.version[:12],
            "phase": a.phase(cause),
            **_waiting(a, cause),
            **_times(known.get(a.series_instance_uid)),
        }
        for a in reversed(arrivals)
    ]
    rows += [
        {
            "series_id": "",
            "state": file.judgement.state,
            "phase": file.judgement.state,
            "files": 1,
            "admitted": 0,
            "refused": int(file.judgement.state == "refused"),
            "failed": int(file.judgement.state == "failed"),
            "codes": str(file.judgement.code),
            "sentence": f"{file.path}: {file.judgement.reason}",
        }
        for file in unassigned
    ]
    rows.sort(key=lambda row: row["phase"] not in NEED_A_PERSON)
    return pd.DataFrame(rows, columns=list(INBOX_COLUMNS))


def _times(times: SeriesTimes | None) -> dict[str, Any]:
    """Return the cells of the times of a series; those of moments that nobody saw are missing."""
    if times is None:
        return {}
    moments = {name: getattr(times, name) for name in _MOMENTS}
    cells: dict[str, Any] = {n: iso_time(when) for n, when in moments.items() if when is not None}
    if times.seconds is not None:
        cells["seconds_to_result"] = round(times.seconds, 1)
    return cells


def _waiting(arrival: Arrival, cause: Cause | None) -> dict[str, str]:
    """Return what takes the place of codes and sentence where a series waits."""
    phase = arrival.phase(cause)
    if cause is not None and phase == "waiting":
        return {"codes": cause.code, "sentence": cause.sentence}
    return {"sentence": arrival.sentence or "it waits for its turn"} if phase == "due" else {}
