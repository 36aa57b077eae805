"""The ledger on disk: an index of the last scan, one of the inbox, and a file per series.

A step of one series reads that series' file only: at thousands of series the whole ledger is
tens of megabytes.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ich_resources.errors import StorageError
from ich_resources.series import Ledger, SeriesRecord
from ich_resources.steps import first_steps
from ich_resources.storage.files import read_json, remove, write_json
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger_index import REMEDY, UNASSIGNED, read_index, without_series
from ich_resources.storage.own_files import require_inside
from ich_resources.storage.series_json import series_from_json
from ich_resources.subjects import series_subject


def write_scan(layout: Layout, ledger: Ledger) -> None:
    """Write what a scan of the input folder found, the index last; see ``files.write_bytes``."""
    _write(layout, layout.ledger, ledger)


def write_arrivals(layout: Layout, ledger: Ledger, earlier: Sequence[str] = ()) -> None:
    """Write what has come into the inbox.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    ledger : Ledger
        With the series that have changed.
    earlier : sequence of str
        SeriesInstanceUIDs of the series that have not changed.
    """
    _write(layout, layout.inbox_ledger, ledger, earlier)


def _write(layout: Layout, path: Path, ledger: Ledger, earlier: Sequence[str] = ()) -> None:
    for series in ledger.series:
        found = layout.found(series.series_instance_uid)
        require_inside(layout, [found.parent])
        before = _on_disk(layout, series.series_instance_uid)
        if before == series:
            continue
        if before is None or before.version != series.version:
            # It failed for other slices than these.
            remove([layout.failure(series_subject(series.series_instance_uid))])
        write_json(found, asdict(series), durable=True)
    uids = {s.series_instance_uid for s in ledger.series}
    index = asdict(replace(ledger, series=())) | {"series": sorted(uids.union(earlier))}
    write_json(path, {UNASSIGNED if key == "unassigned" else key: v for key, v in index.items()})


def _on_disk(layout: Layout, series_uid: str) -> SeriesRecord | None:
    try:
        return found_series(layout, series_uid)
    except StorageError:
        return None  # never found, or damaged: it is written again


def read_scan(layout: Layout) -> Ledger:
    """Read the ledger of the last scan.

    Raises
    ------
    StorageError
        If no folder has been scanned into this run root yet.
    """
    return _read(layout, layout.ledger)


def read_ledger(layout: Layout) -> Ledger:
    """Read everything known: the last scan, and what has come into the inbox.

    Raises
    ------
    StorageError
        If there is neither.
    """
    if not layout.inbox_ledger.is_file():
        return read_scan(layout)
    inbox = _read(layout, layout.inbox_ledger)
    if not layout.ledger.is_file():
        return inbox
    scan = _read(layout, layout.ledger)
    series = {s.series_instance_uid: s for s in (*scan.series, *inbox.series)}
    return Ledger(
        input_dirs=tuple(dict.fromkeys((*scan.input_dirs, *inbox.input_dirs))),
        series=tuple(series[uid] for uid in sorted(series)),
        unassigned=tuple(dict.fromkeys((*scan.unassigned, *inbox.unassigned))),
        files_seen=scan.files_seen + inbox.files_seen,
        files_not_dicom=scan.files_not_dicom + inbox.files_not_dicom,
    )


def find_series(layout: Layout, series_uid: str) -> SeriesRecord:
    """Return one series of the last scan or of the inbox.

    Raises
    ------
    StorageError
        If neither holds it.
    """
    indices = [path for path in (layout.ledger, layout.inbox_ledger) if path.is_file()]
    if not indices:
        indices = [layout.ledger]  # its error names what is missing
    if any(series_uid in read_index(path)["series"] for path in indices):
        return found_series(layout, series_uid)
    raise StorageError(
        "the series is not in the ledger of the last scan",
        path=layout.ledger,
        series=series_uid,
        remedy="put its files back and materialise series_ledger again",
    )


def _read(layout: Layout, path: Path) -> Ledger:
    index = read_index(path)
    series = tuple(found_series(layout, uid) for uid in index["series"])
    return replace(without_series(index, path), series=series)


def left_behind(layout: Layout, ledger: Ledger) -> list[str]:
    """Return the series with results in this run root that the ledger does not hold."""
    folder = layout.folder(series_subject("x")).parent
    found = (folder.glob(f"*/{step}.json") for step in first_steps("series"))
    with_results = {path.parent.name for paths in found for path in paths}
    return sorted(with_results - {series.series_instance_uid for series in ledger.series})


def admitted_elsewhere(layout: Layout, series_uid: str) -> set[str]:
    """Return the SOPInstanceUIDs of admitted slices of every other series of the ledgers."""
    indices = [path for path in (layout.ledger, layout.inbox_ledger) if path.is_file()]
    uids = {uid for path in indices for uid in read_index(path)["series"]}
    others = [_on_disk(layout, uid) for uid in uids - {series_uid}]
    slices = [s for series in others if series is not None for s in series.slices]
    return {s.sop_instance_uid for s in slices if s.judgement is None}


def found_series(layout: Layout, series_uid: str) -> SeriesRecord:
    """Return what was last found of a series, whether or not it is still there.

    Raises
    ------
    StorageError
        If it was never found.
    """
    path = layout.found(series_uid)
    require_inside(layout, [path])
    value = read_json(path, remedy=REMEDY)
    try:
        series = series_from_json(value)
    except (LookupError, TypeError, ValueError) as err:
        raise StorageError("the entry is damaged", path=path, remedy=REMEDY) from err
    if series.series_instance_uid != series_uid:
        raise StorageError("the entry is of another series", path=path, remedy=REMEDY)
    return series
