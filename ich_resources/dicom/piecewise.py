"""A folder that is scanned in pieces: some files now, the judgement of a series once it is whole.

Between the pieces the scanned files are kept as the JSON values of ``ScannedFile.to_json``.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from ich_resources.children import asking_threads
from ich_resources.dicom.assembly import assemble
from ich_resources.dicom.bounded import READERS
from ich_resources.dicom.discovery import folder_entry, unassigned_files
from ich_resources.dicom.policy import verdicts
from ich_resources.dicom.scanned import ScannedFile, scan_file
from ich_resources.dicom.windows import WindowChoice
from ich_resources.series import SeriesRecord, UnassignedFile


def scan_files(
    paths: Sequence[str], folder: Path, *, threads: int, seconds: float
) -> list[ScannedFile | None]:
    """Read and judge files of a folder, one by one; see ``scanned.scan_file``.

    A file may take long (``limits.SECONDS``): no file is begun after a time, so that the files
    that were read can be kept.

    Parameters
    ----------
    paths : sequence of str
        POSIX paths relative to ``folder``.
    folder : Path
        The folder. It is only read.
    threads : int
        Number of files to read at the same time.
    seconds : float
        No file but the first is begun later than this.

    Returns
    -------
    list of ScannedFile or None
        In the order of ``paths``, which it may end before; None for a file that is not DICOM.
    """
    end = time.monotonic() + seconds
    waiting = deque(paths)
    found: list[ScannedFile | None] = []
    with asking_threads(READERS, threads) as pool:
        begun: deque[Future[ScannedFile | None]] = deque()
        while waiting or begun:
            while waiting and len(begun) < 2 * threads and time.monotonic() < end:
                begun.append(pool.submit(scan_file, waiting.popleft(), folder))
            if not begun and found:
                break
            if not begun:
                begun.append(pool.submit(scan_file, waiting.popleft(), folder))
            found.append(begun.popleft().result())
    return found


def assemble_kept(
    files: Sequence[dict[str, Any]],
    policy: Mapping[str, str],
    *,
    input_dir: Path,
    primary_only: bool,
    window: WindowChoice,
) -> tuple[SeriesRecord, ...]:
    """Build and judge the series of scanned files; see ``assembly.assemble``.

    Parameters
    ----------
    files : sequence of dict
        JSON values of ``ScannedFile.to_json``.
    policy : mapping
        ``refuse`` or ``warn`` for each code that should not have its default.
    input_dir : Path
        Folder to which the paths are relative.
    primary_only : bool
        Whether to refuse every series of a study except the best.
    window : WindowChoice
        How the window of a slice is chosen; the remarks on windows need it.
    """
    return assemble(
        [ScannedFile.from_json(file) for file in files],
        verdicts(policy),
        input_dir=str(input_dir),
        primary_only=primary_only,
        window=window,
    )


def unassigned_kept(
    files: Sequence[dict[str, Any]], closed: Sequence[tuple[str, str]]
) -> tuple[UnassignedFile, ...]:
    """Return the ledger entries of files in no series and of folders that cannot be opened.

    Parameters
    ----------
    files : sequence of dict
        JSON values of ``ScannedFile.to_json``.
    closed : sequence of (str, str)
        Path of each folder that cannot be opened, and the reason.
    """
    folders = [folder_entry(path, why) for path, why in closed]
    return (*folders, *unassigned_files([ScannedFile.from_json(file) for file in files]))
