"""The inbox as people read it: a row per series ever seen there."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from ich_resources.arrivals import Arrival, Cause
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
)
"""Columns of ``inbox_ledger.csv``."""


def inbox_table(
    arrivals: Sequence[Arrival],
    unassigned: Sequence[UnassignedFile],
    cause: Cause | None = None,
) -> pd.DataFrame:
    """Return ``inbox_ledger.csv``: series, the latest first, and files of no series.

    Times are UTC.

    Parameters
    ----------
    arrivals : sequence of Arrival
        The series, the latest last.
    unassigned : sequence of UnassignedFile
        DICOM files in no series.
    cause : Cause, optional
        The fault of the machine that stands: due series show it in place of their own codes.
    """
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
            "last_file": datetime.fromtimestamp(a.last_seen, UTC).isoformat(" ", "seconds"),
            "version": a.version[:12],
            "phase": a.phase(cause),
            **_waiting(a, cause),
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
    return pd.DataFrame(rows, columns=list(INBOX_COLUMNS))


def _waiting(arrival: Arrival, cause: Cause | None) -> dict[str, str]:
    """Return what takes the place of codes and sentence where a series waits."""
    phase = arrival.phase(cause)
    if cause is not None and phase == "waiting":
        return {"codes": cause.code, "sentence": cause.sentence}
    return {"sentence": arrival.sentence or "it waits for its turn"} if phase == "due" else {}
