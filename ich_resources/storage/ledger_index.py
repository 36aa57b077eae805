"""The index of a ledger on disk: the names of its series, and the files in no series."""

from pathlib import Path
from typing import Any, NamedTuple

from ich_resources.errors import StorageError
from ich_resources.series import Ledger, UnassignedFile
from ich_resources.storage.files import read_json
from ich_resources.storage.layout import Layout
from ich_resources.storage.series_json import judgement, require, text
from ich_resources.subjects import series_subject

UNASSIGNED = "strays"
"""Key of the files in no series in the JSON file; earlier versions read it under this name."""
REMEDY = "materialise series_ledger; for a series of the inbox, touch one of its files"


def inbox_series(layout: Layout) -> list[str]:
    """Return the SeriesInstanceUIDs of the inbox's ledger; empty where there is no ledger."""
    return _names(layout.inbox_ledger)


def scanned_series(layout: Layout) -> list[str]:
    """Return the SeriesInstanceUIDs of the last scan; empty where there was none."""
    return _names(layout.ledger)


def _names(path: Path) -> list[str]:
    return list(read_index(path)["series"]) if path.is_file() else []


class Listing(NamedTuple):
    """What is known, without the slices of each series: ``read_ledger`` reads a file for each.

    Attributes
    ----------
    series : tuple of str
        SeriesInstanceUIDs, sorted.
    unassigned : tuple of UnassignedFile
        DICOM files in no series.
    """

    series: tuple[str, ...]
    unassigned: tuple[UnassignedFile, ...]


def read_listing(layout: Layout) -> Listing:
    """Read the names of everything known: the last scan, and what has come into the inbox.

    Raises
    ------
    StorageError
        If an index is damaged.
    """
    uids: set[str] = set()
    files: list[UnassignedFile] = []
    for path in (layout.ledger, layout.inbox_ledger):
        if path.is_file():
            index = read_index(path)
            uids.update(index["series"])
            files += without_series(index, path).unassigned
    return Listing(tuple(sorted(uids)), tuple(dict.fromkeys(files)))


def without_series(index: dict[str, Any], path: Path) -> Ledger:
    """Return an index as a ledger without series.

    Raises
    ------
    StorageError
        If it is damaged.
    """
    try:
        return Ledger(
            input_dirs=tuple(map(text, index["input_dirs"])),
            series=(),
            unassigned=tuple(
                UnassignedFile(text(file["path"]), require(judgement(file["judgement"])))
                for file in index[UNASSIGNED]
            ),
            files_seen=int(index["files_seen"]),
            files_not_dicom=int(index["files_not_dicom"]),
        )
    except (LookupError, TypeError, ValueError) as err:
        raise StorageError("the ledger is damaged", path=path, remedy=REMEDY) from err


def read_index(path: Path) -> dict[str, Any]:
    """Return the index of a ledger, with the UIDs of its series.

    Raises
    ------
    StorageError
        If the file is missing or damaged.
    """
    index = read_json(path, remedy=REMEDY)
    uids = index.get("series") if isinstance(index, dict) else None
    if not isinstance(uids, list) or not all(map(_is_name, uids)):
        raise StorageError("the ledger is damaged", path=path, remedy=REMEDY)
    return dict(index)


def _is_name(uid: object) -> bool:
    """Return whether a value is a text that can be the folder of a series."""
    try:
        return isinstance(uid, str) and bool(series_subject(uid))
    except ValueError:
        return False
