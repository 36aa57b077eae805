"""Read the slices of a series as Hounsfield units."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from ich_resources.dicom.decoding import decode
from ich_resources.dicom.frame_size import frame_mismatch
from ich_resources.dicom.header import read_header
from ich_resources.dicom.parsing import PARSE_ERRORS, read_dataset
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
from ich_resources.series import HuSlice, Judgement, SeriesRecord, SliceRecord

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
    with ThreadPoolExecutor(threads) as pool:
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
        (DECODE_FAILED) or give HU that are not finite (NOT_HU).

    References
    ----------
    DICOM PS3.3 C.11.1.1.2 (rescale), C.11.2.1.2 (window) and C.7.5.1.1.2 (padding);
    docs/reference.md, section 1.
    """
    path, content = _read_as_judged(record, input_dir)
    header = read_header(content, path)
    stored = _decode(content, path)
    if stored.shape != (header.rows, header.columns):
        _raise_mismatch(path, f"the pixels have shape {stored.shape}", header.rows, header.columns)
    window = options.window.of(header.windows or ())
    padding = padding_mask(stored, header)
    values, defect = mended(stored, header, options.mending)
    hu = rescaled(values, header, padding, window[0] - window[1] // 2)
    if not np.isfinite(hu).all():
        raise DicomError(
            "the rescale gives values that are not finite", path=path, code=Reason.NOT_HU
        )
    return HuSlice(record, hu, window, padding, defect)


def _read_as_judged(record: SliceRecord, input_dir: Path) -> tuple[Path, bytes]:
    """Return the first file of a record that still has the bytes that were judged.

    Raises
    ------
    DicomError
        If no file has them. The error is that of the first file.
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


def _decode(content: bytes, path: Path) -> npt.NDArray[np.generic]:
    dataset = read_dataset(content, path)
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    try:
        _check_size(dataset, path)
        return decode(content, path)
    except (RuntimeError, NotImplementedError) as err:
        missing = "missing dependencies" in str(err) or isinstance(err, NotImplementedError)
        name = syntax.name if syntax is not None else "an unnamed transfer syntax"
        raise DicomError(
            f"the pixels ({name}) cannot be decoded: {_one_line(err)}",
            path=path,
            remedy="install the codec of this transfer syntax" if missing else None,
            code=Reason.DECODER_MISSING if missing else Reason.DECODE_FAILED,
        ) from err
    except PARSE_ERRORS as err:
        raise DicomError(
            f"the pixels cannot be decoded: {_one_line(err)}",
            path=path,
            code=Reason.DECODE_FAILED,
        ) from err


def _check_size(dataset: Dataset, path: Path) -> None:
    """Compare the number of pixels with the header: extra pixels would give a wrong image."""
    rows, columns = dataset.Rows, dataset.Columns
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is not None and syntax.is_compressed and syntax.is_encapsulated:
        found = frame_mismatch(dataset)
        if found:
            _raise_mismatch(path, found, rows, columns)
        return
    expected = rows * columns * dataset.BitsAllocated // 8
    length = len(dataset.PixelData)
    # An odd number of bytes has one byte of padding (DICOM PS3.5, section 8.2).
    if length not in (expected, expected + expected % 2):
        _raise_mismatch(path, f"{length} bytes of pixels", rows, columns)


def _raise_mismatch(path: Path, found: str, rows: int | None, columns: int | None) -> NoReturn:
    raise DicomError(
        f"{found} do not fit Rows {rows} x Columns {columns}; truncated or a wrong header",
        path=path,
        code=Reason.SIZE_MISMATCH,
    )


def _one_line(err: Exception) -> str:
    """Return the message in one line. pydicom writes one line for each decoder that it tried."""
    return " ".join(str(err).split()) or type(err).__name__
