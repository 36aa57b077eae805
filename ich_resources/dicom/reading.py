"""Read the slices of a series as Hounsfield units."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ich_resources.children import asking_threads
from ich_resources.dicom.bounded import READERS
from ich_resources.dicom.decoding import decode
from ich_resources.dicom.stored_values import (
    NOTHING_MENDED,
    Mending,
    mended,
    padding_mask,
    rescaled,
)
from ich_resources.dicom.windows import AS_THE_HEADER_SAYS, WindowChoice
from ich_resources.digests import bytes_sha256
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, SeriesRecord, SliceRecord
from ich_resources.series_images import HuSlice

READ_AHEAD = 16
"""Number of slices in memory at the same time, as HU."""


@dataclass(frozen=True)
class ReadingOptions:
    """What changes the values or the window of a slice.

    Attributes
    ----------
    window : WindowChoice
        How the window is chosen.
    mending : Mending
        The known defects that are mended.
    """

    window: WindowChoice = AS_THE_HEADER_SAYS
    mending: Mending = NOTHING_MENDED


DEFAULT_READING = ReadingOptions()
"""As the reference reads."""


def read_series(
    series: SeriesRecord,
    input_dir: Path,
    *,
    threads: int = 4,
    options: ReadingOptions = DEFAULT_READING,
) -> Iterator[HuSlice | SliceRecord]:
    """Read the admitted slices of a series in order, ``READ_AHEAD`` at a time.

    Parameters
    ----------
    series : SeriesRecord
        The series, from the ledger.
    input_dir : Path
        Folder to which its paths are relative.
    threads : int
        Number of slices to decode at the same time.
    options : ReadingOptions
        Window and mending.

    Yields
    ------
    HuSlice or SliceRecord
        The slice in HU, or its record with the judgement ``failed`` if it cannot be read.
    """
    admitted = [record for record in series.slices if record.position is not None]
    admitted = [record for record in admitted if record.judgement is None]
    # Slices at the same position are ordered by UID: the order is the same on every machine.
    admitted.sort(key=lambda record: (record.position, record.sop_instance_uid))
    with asking_threads(READERS, threads) as pool:
        for start in range(0, len(admitted), READ_AHEAD):
            chunk = admitted[start : start + READ_AHEAD]
            yield from pool.map(lambda record: _read_or_fail(record, input_dir, options), chunk)


def _read_or_fail(
    record: SliceRecord, input_dir: Path, options: ReadingOptions
) -> HuSlice | SliceRecord:
    try:
        return read_slice(record, input_dir, options)
    except DicomError as err:
        return replace(record, judgement=Judgement("failed", Reason(err.code), err.message))


def read_slice(
    record: SliceRecord, input_dir: Path, options: ReadingOptions = DEFAULT_READING
) -> HuSlice:
    """Read one slice as Hounsfield units.

    Parameters
    ----------
    record : SliceRecord
        The slice, from the ledger. Its file, or a copy of it, must have the bytes that were judged.
    input_dir : Path
        Folder to which the paths of the record are relative.
    options : ReadingOptions
        Window and mending.

    Returns
    -------
    HuSlice
        stored value * RescaleSlope + RescaleIntercept, float64, shape (Rows, Columns), in HU, and
        its window, in HU. Padding above the window is at its lower end.

    Raises
    ------
    DicomError
        If the file is gone (code UNREADABLE) or has changed (CHANGED) since the scan, or its pixels
        do not fit the header (SIZE_MISMATCH), have no decoder (DECODER_MISSING), are damaged
        (DECODE_FAILED), exceed a limit (OVER_LIMIT) or give HU that are not finite (NOT_HU).

    References
    ----------
    DICOM PS3.3 C.11.1.1.2 (rescale), C.11.2.1.2 (window) and C.7.5.1.1.2 (padding);
    docs/reference.md, section 1.
    """
    path, content = read_as_judged(record, input_dir)
    header, stored = decode(content, path)
    window = options.window.of(header.windows or ())
    padding = padding_mask(stored, header)
    values, defect = mended(stored, header, options.mending)
    hu = rescaled(values, header, padding, window[0] - window[1] // 2)
    if not np.isfinite(hu).all():
        raise DicomError(
            "the rescale gives values that are not finite", path=path, code=Reason.NOT_HU
        )
    return HuSlice(record, hu, window, padding, defect)


def read_as_judged(record: SliceRecord, input_dir: Path) -> tuple[Path, bytes]:
    """Return the first file of a record that still has the bytes that were judged.

    Parameters
    ----------
    record : SliceRecord
        From the ledger.
    input_dir : Path
        Folder to which its paths are relative.

    Raises
    ------
    DicomError
        If no file has them (code UNREADABLE or CHANGED). The error is that of the first file.
    """
    errors: list[DicomError] = []
    for name in (record.path, *record.copies):
        path = input_dir / name
        try:
            content = path.read_bytes()
        except OSError as err:
            text = f"the file cannot be read: {err.strerror}"
            errors.append(DicomError(text, path=path, code=Reason.UNREADABLE))
            continue
        if bytes_sha256(content) == record.digest:
            return path, content
        errors.append(
            DicomError(
                "the file has changed since the folder was scanned",
                path=path,
                remedy="materialise series_ledger again",
                code=Reason.CHANGED,
            )
        )
    raise errors[0]
