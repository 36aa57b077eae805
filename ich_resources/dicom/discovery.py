"""Every file below a folder, read once, and put into the ledger: nothing is left out in silence."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from ich_resources.dicom.admission import judge_file, judge_slice
from ich_resources.dicom.geometry import place
from ich_resources.dicom.header import Header, read_header
from ich_resources.dicom.parsing import digest
from ich_resources.dicom.policy import Verdict, apply, refuse, verdicts
from ich_resources.dicom.series_rules import remarks
from ich_resources.dicom.siblings import primary
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Ledger, Remark, SeriesRecord, SliceRecord, StrayFile

DICOM_SUFFIXES = (".dcm", ".dicom")
"""File name endings that count as DICOM even without the magic word (reference.md, section 1)."""


@dataclass(frozen=True)
class _File:
    """One DICOM file: its header, or why there is none."""

    path: str
    digest: str
    header: Header | None
    judgement: Judgement | None


def scan(
    input_dir: Path,
    *,
    threads: int = 4,
    policy: Mapping[str, str] | None = None,
    primary_only: bool = False,
) -> Ledger:
    """Read every DICOM file below a folder and judge it.

    Parameters
    ----------
    input_dir : Path
        The folder; it is only read.
    threads : int
        Files read at once.
    policy : mapping, optional
        ``refuse`` or ``warn`` by code, where not the default; see ``policy.verdicts``.
    primary_only : bool
        Whether to refuse every series of a study but the best.

    Returns
    -------
    Ledger
        Every series and every stray file, sorted, whatever the order on disk.

    Raises
    ------
    DicomError
        If the folder is missing or unreadable, or holds no DICOM file.
    ValueError
        If the policy names an unknown code or verdict.
    """
    if not input_dir.is_dir():
        raise DicomError(
            "the input folder does not exist" if not input_dir.exists() else "not a folder",
            path=input_dir,
            remedy="set DICOM_INPUT to the folder that holds the DICOM files",
        )
    if not os.access(input_dir, os.R_OK | os.X_OK):
        raise DicomError(
            "the input folder cannot be opened", path=input_dir, remedy="check its permissions"
        )
    paths, closed = _files_below(input_dir)
    with ThreadPoolExecutor(threads) as pool:
        read = list(pool.map(lambda path: _read(path, input_dir), paths))
    files = [file for file in read if file is not None]
    if not files and not closed:
        raise DicomError(
            f"no DICOM file among the {len(paths)} files of the input folder",
            path=input_dir,
            remedy="a DICOM file has DICM at byte 128 or ends in .dcm or .dicom",
        )
    strays = [
        StrayFile(f.path, f.judgement)
        for f in files
        if f.header is None and f.judgement is not None
    ]
    return Ledger(
        input_dir=str(input_dir),
        series=_series(files, verdicts(policy or {}), primary_only),
        strays=tuple(closed + strays),
        files_seen=len(paths),
        files_not_dicom=len(paths) - len(files),
    )


def _files_below(folder: Path) -> tuple[list[Path], list[StrayFile]]:
    """Return the files at any depth, links followed, and the folders that cannot be opened."""
    files: list[Path] = []
    closed: list[StrayFile] = []

    def note(err: OSError) -> None:
        path = Path(err.filename).relative_to(folder).as_posix()
        reason = f"the folder cannot be opened: {err.strerror}"
        closed.append(StrayFile(path, Judgement("failed", Reason.UNREADABLE, reason)))

    visited: set[str] = set()
    for root, folders, names in os.walk(folder, onerror=note, followlinks=True):
        real = os.path.realpath(root)
        if real in visited:
            folders.clear()  # a link in a circle, or to a folder seen before
            continue
        visited.add(real)
        folders.sort()  # which of two links is followed must not depend on the disk
        files += [Path(root, name) for name in names]
    return sorted(files), closed


def _read(path: Path, input_dir: Path) -> _File | None:
    """Return what a file holds, None where it is no DICOM file."""
    name = path.relative_to(input_dir).as_posix()
    try:
        if path.exists() and not path.is_file():
            return None  # a pipe or a socket: opening it could wait for ever
        with path.open("rb") as file:
            start = file.read(132)
            if start[128:] != b"DICM" and not name.lower().endswith(DICOM_SUFFIXES):
                return None
            content = start + file.read()
        header = read_header(content, path)
    except DicomError as err:
        return _File(name, "", None, Judgement("failed", Reason(err.code), err.message))
    except OSError as err:
        reason = f"the file cannot be read: {err.strerror}"
        return _File(name, "", None, Judgement("failed", Reason.UNREADABLE, reason))
    stray = judge_file(header)
    if stray is not None:
        return _File(name, digest(content), None, stray)
    return _File(name, digest(content), header, judge_slice(header))


def _series(
    files: list[_File], table: Mapping[Reason, Verdict], primary_only: bool
) -> tuple[SeriesRecord, ...]:
    instances = [(_record(f), f.header) for f in files if f.header is not None]

    def series_uid(item: tuple[SliceRecord, Header]) -> str:
        return item[1].series_instance_uid

    found: dict[str, SeriesRecord] = {}
    admissible: dict[str, list[tuple[SeriesRecord, list[Header]]]] = {}
    for uid, group in groupby(sorted(_without_copies(instances), key=series_uid), series_uid):
        members = list(group)
        headers = [header for _, header in members]
        placed = place(members)
        series = SeriesRecord(
            study_instance_uid=headers[0].study_instance_uid,
            series_instance_uid=uid,
            description=headers[0].description,
            slices=tuple(placed),
            remarks=remarks(list(zip(placed, headers, strict=True))),
        )
        found[uid] = series = apply(series, table)
        used = [h for s, h in zip(series.slices, headers, strict=True) if s.judgement is None]
        if used:
            admissible.setdefault(series.study_instance_uid, []).append((series, used))
    for siblings in admissible.values():
        best = primary(siblings)
        found[best] = replace(found[best], primary=True)
        for series, _ in siblings if primary_only else ():
            if series.series_instance_uid != best:
                remark = Remark(Reason.BETTER_SIBLING, f"{best} of the same study is better")
                found[series.series_instance_uid] = refuse(series, remark)
    return tuple(found.values())


def _record(file: _File) -> SliceRecord:
    assert file.header is not None
    return SliceRecord(file.path, file.header.sop_instance_uid, file.digest, file.judgement)


def _without_copies(
    instances: list[tuple[SliceRecord, Header]],
) -> list[tuple[SliceRecord, Header]]:
    """Fold files of the same bytes into one; fail different files with one SOPInstanceUID."""
    unique: dict[tuple[str, str], tuple[SliceRecord, Header]] = {}
    for record, header in instances:
        key = (record.sop_instance_uid, record.digest)
        if key in unique:
            kept, kept_header = unique[key]
            unique[key] = (replace(kept, copies=(*kept.copies, record.path)), kept_header)
        else:
            unique[key] = (record, header)
    # A truncated copy fails by itself, and a second localizer is refused: neither is a rival.
    paths: dict[str, list[str]] = {}
    for record, _ in unique.values():
        if record.judgement is None:
            paths.setdefault(record.sop_instance_uid, []).append(record.path)

    def judged(record: SliceRecord) -> SliceRecord:
        rivals = paths.get(record.sop_instance_uid, [])
        if record.judgement is not None or len(rivals) < 2:
            return record
        other = next(path for path in rivals if path != record.path)
        reason = f"the same SOPInstanceUID with other content: {record.path} and {other}"
        return replace(record, judgement=Judgement("failed", Reason.DUPLICATE_UID, reason))

    return [(judged(record), header) for record, header in unique.values()]
