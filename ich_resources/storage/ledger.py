"""The ledger on disk: an index of the last scan, and a file per series.

A step of one series reads that series' file only: at thousands of series the whole ledger is
tens of megabytes.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ich_resources.errors import StorageError
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Ledger, Remark, SeriesRecord, SliceRecord, StrayFile
from ich_resources.storage.files import read_json, write_json
from ich_resources.storage.layout import Layout

_REMEDY = "materialise series_ledger first"


def write_ledger(layout: Layout, ledger: Ledger) -> None:
    """Write the ledger, its index last; see ``files.write_bytes``."""
    for series in ledger.series:
        write_json(layout.found(series.series_instance_uid), asdict(series))
    index = asdict(ledger) | {"series": [s.series_instance_uid for s in ledger.series]}
    write_json(layout.ledger, index)


def read_ledger(layout: Layout) -> Ledger:
    """Read the ledger of the last scan.

    Raises
    ------
    StorageError
        If no folder has been scanned into this run root yet.
    """
    index = read_json(layout.ledger, remedy=_REMEDY)
    return Ledger(
        input_dir=index["input_dir"],
        series=tuple(_read_series(layout, uid) for uid in index["series"]),
        strays=tuple(
            StrayFile(stray["path"], _require(_judgement(stray["judgement"])))
            for stray in index["strays"]
        ),
        files_seen=index["files_seen"],
        files_not_dicom=index["files_not_dicom"],
    )


def find_series(layout: Layout, series_uid: str) -> tuple[SeriesRecord, Path]:
    """Return one series of the ledger, and the folder that its paths are relative to.

    Raises
    ------
    StorageError
        If the last scan did not find it.
    """
    index = read_json(layout.ledger, remedy=_REMEDY)
    if series_uid not in index["series"]:
        raise StorageError(
            "the series is not in the ledger of the last scan",
            path=layout.ledger,
            series=series_uid,
            remedy="put its files back and materialise series_ledger again",
        )
    return _read_series(layout, series_uid), Path(index["input_dir"])


def left_behind(layout: Layout, ledger: Ledger) -> list[str]:
    """Return the series with results in this run root that the last scan did not find."""
    folder = layout.found("x").parent.parent
    with_results = {path.parent.name for path in folder.glob("*/processed_series.json")}
    return sorted(with_results - {series.series_instance_uid for series in ledger.series})


def _read_series(layout: Layout, series_uid: str) -> SeriesRecord:
    value = read_json(layout.found(series_uid), remedy=_REMEDY)
    return SeriesRecord(
        study_instance_uid=value["study_instance_uid"],
        series_instance_uid=value["series_instance_uid"],
        description=value["description"],
        slices=tuple(_slice(record) for record in value["slices"]),
        remarks=tuple(Remark(Reason(r["code"]), r["reason"]) for r in value["remarks"]),
        primary=value["primary"],
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
