"""The ledger on disk: JSON for the later steps."""

from dataclasses import asdict
from typing import Any

from ich_resources.errors import StorageError
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Ledger, SeriesRecord, SliceRecord, StrayFile
from ich_resources.storage.files import read_json, write_json
from ich_resources.storage.layout import Layout


def write_ledger(layout: Layout, ledger: Ledger) -> None:
    """Write the ledger; see ``files.write_bytes``."""
    write_json(layout.ledger, asdict(ledger))


def read_ledger(layout: Layout) -> Ledger:
    """Read the ledger of the last scan.

    Raises
    ------
    StorageError
        If no folder has been scanned into this run root yet.
    """
    value = read_json(layout.ledger, remedy="materialise series_ledger first")
    return Ledger(
        input_dir=value["input_dir"],
        series=tuple(
            SeriesRecord(
                study_instance_uid=series["study_instance_uid"],
                series_instance_uid=series["series_instance_uid"],
                description=series["description"],
                slices=tuple(_slice(record) for record in series["slices"]),
            )
            for series in value["series"]
        ),
        strays=tuple(
            StrayFile(stray["path"], _require(_judgement(stray["judgement"])))
            for stray in value["strays"]
        ),
        files_seen=value["files_seen"],
        files_not_dicom=value["files_not_dicom"],
    )


def find_series(layout: Layout, series_uid: str) -> SeriesRecord:
    """Return one series of the ledger.

    Raises
    ------
    StorageError
        If the last scan did not find it.
    """
    for series in read_ledger(layout).series:
        if series.series_instance_uid == series_uid:
            return series
    raise StorageError(
        "the series is not in the ledger of the last scan",
        path=layout.ledger,
        series=series_uid,
        remedy="put its files back and materialise series_ledger again",
    )


def _slice(value: dict[str, Any]) -> SliceRecord:
    return SliceRecord(
        path=value["path"],
        sop_instance_uid=value["sop_instance_uid"],
        digest=value["digest"],
        judgement=_judgement(value["judgement"]),
        position=value["position"],
        position_z=value["position_z"],
        copies=tuple(value["copies"]),
    )


def _judgement(value: dict[str, Any] | None) -> Judgement | None:
    if value is None:
        return None
    return Judgement(value["state"], Reason(value["code"]), value["reason"])


def _require(judgement: Judgement | None) -> Judgement:
    assert judgement is not None
    return judgement
