"""Scan folders: read every file once, and put each DICOM file into the ledger."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ich_resources.children import asking_threads
from ich_resources.dicom.assembly import assemble
from ich_resources.dicom.bounded import READERS
from ich_resources.dicom.policy import verdicts
from ich_resources.dicom.scanned import ScannedFile, scan_file
from ich_resources.dicom.windows import AS_THE_HEADER_SAYS, WindowChoice
from ich_resources.errors import DicomError
from ich_resources.folders import files_below
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Ledger, UnassignedFile
from ich_resources.uids import TEMPORARY_SUFFIXES


def scan(
    input_dir: Path,
    *,
    threads: int = 4,
    policy: Mapping[str, str] | None = None,
    primary_only: bool = False,
    window: WindowChoice = AS_THE_HEADER_SAYS,
) -> Ledger:
    """Read and judge every DICOM file below a folder; see ``scan_folders``.

    Parameters
    ----------
    input_dir : Path
        The folder. It is only read.
    threads, policy, primary_only, window
        As for ``scan_folders``.

    Returns
    -------
    Ledger
        Every series and every file in no series, sorted. The order on disk has no influence.
    """
    return scan_folders(
        [input_dir], threads=threads, policy=policy, primary_only=primary_only, window=window
    )


def scan_folders(
    folders: Sequence[Path],
    *,
    threads: int = 4,
    policy: Mapping[str, str] | None = None,
    primary_only: bool = False,
    window: WindowChoice = AS_THE_HEADER_SAYS,
) -> Ledger:
    """Read and judge every DICOM file below some folders, as if they were one.

    A series or a study may have files in several of them.

    Parameters
    ----------
    folders : sequence of Path
        The folders. They are only read. A folder below another one of them is not read twice.
    threads : int
        Number of files to read at the same time.
    policy : mapping, optional
        ``refuse`` or ``warn`` for each code that should not have its default; see
        ``policy.verdicts``.
    primary_only : bool
        Whether to refuse every series of a study except the best.
    window : WindowChoice
        How the window of a slice is chosen; the remarks on windows need it.

    Returns
    -------
    Ledger
        Every series and every file in no series, sorted. The order on disk has no influence. The
        paths are relative to the one folder, or to the deepest folder that holds all of them.

    Raises
    ------
    DicomError
        If a folder is missing or cannot be opened, or if it contains no DICOM file.
    ValueError
        If the policy has an unknown code or verdict.
    """
    apart = _apart(folders)
    base = apart[0] if len(apart) == 1 else Path(os.path.commonpath(apart))
    found = [_read_folder(folder, base, threads) for folder in apart]
    files = [file for folder in found for file in folder.files]
    return Ledger(
        input_dirs=tuple(map(str, apart)),
        series=assemble(
            files,
            verdicts(policy or {}),
            input_dir=str(base),
            primary_only=primary_only,
            window=window,
        ),
        unassigned=tuple(
            [entry for folder in found for entry in folder.closed] + unassigned_files(files)
        ),
        files_seen=sum(folder.seen for folder in found),
        files_not_dicom=sum(folder.seen - len(folder.files) for folder in found),
        files_arriving=sum(folder.arriving for folder in found),
    )


def _apart(folders: Sequence[Path]) -> list[Path]:
    """Return the folders without those that lie below another one of them."""
    if len(folders) == 1:
        return list(folders)
    ours = sorted({folder.absolute() for folder in folders})
    return [f for f in ours if not any(other in f.parents for other in ours)]


class _Folder(NamedTuple):
    """What was found below one folder."""

    files: list[ScannedFile]
    closed: list[UnassignedFile]
    seen: int
    arriving: int


def _read_folder(input_dir: Path, base: Path, threads: int) -> _Folder:
    """Read the files below a folder; their paths become relative to ``base``.

    Raises
    ------
    DicomError
        If the folder is missing or cannot be opened, or if it contains no DICOM file.
    """
    if not input_dir.is_dir():
        raise DicomError(
            "the input folder does not exist"
            if not input_dir.exists()
            else "the input path is not a folder",
            path=input_dir,
            remedy="set DICOM_INPUT to the folder that holds the DICOM files",
        )
    if not os.access(input_dir, os.R_OK | os.X_OK):
        raise DicomError(
            "the input folder cannot be opened", path=input_dir, remedy="check its permissions"
        )
    present, unopened = files_below(input_dir)
    whole = [file.path for file in present if not file.path.lower().endswith(TEMPORARY_SUFFIXES)]
    with asking_threads(READERS, threads) as pool:
        read = list(pool.map(lambda path: scan_file(path, input_dir), whole))
    files = [file for file in read if file is not None]
    archives = [f.path for f in files if f.judgement and f.judgement.code is Reason.ARCHIVE]
    if len(archives) == len(files) and not unopened:
        raise DicomError(
            f"the input folder has no DICOM file among its {len(present)} files",
            path=input_dir,
            remedy=f"unpack the archives first ({archives[0]})"
            if archives
            else "check DICOM_INPUT; a DICOM file has DICM at byte 128 or ends in .dcm or .dicom",
        )
    prefix = "" if input_dir == base else f"{input_dir.relative_to(base).as_posix()}/"
    return _Folder(
        files=[replace(f, path=prefix + f.path) for f in files] if prefix else files,
        closed=[folder_entry(prefix + path, why) for path, why in unopened],
        seen=len(present),
        arriving=len(present) - len(whole),
    )


def folder_entry(path: str, why: str) -> UnassignedFile:
    """Return the ledger entry of a folder that cannot be opened.

    Parameters
    ----------
    path : str
        POSIX path of the folder, relative to the input folder.
    why : str
        The system's message.
    """
    reason = f"the folder cannot be opened: {why}"
    return UnassignedFile(path, Judgement("failed", Reason.UNREADABLE, reason))


def unassigned_files(files: Sequence[ScannedFile]) -> list[UnassignedFile]:
    """Return the ledger entries of the files in no series."""
    return [
        UnassignedFile(file.path, file.judgement)
        for file in files
        if file.header is None and file.judgement is not None
    ]
