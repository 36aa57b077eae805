"""One DICOM file to Hounsfield units."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from ich_resources.dicom.header import digest, read_dataset, read_header
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason


def read_hu(path: Path, expected_digest: str) -> tuple[npt.NDArray[np.float64], float, float]:
    """Read one slice.

    Parameters
    ----------
    path : Path
        The DICOM file.
    expected_digest : str
        SHA-256 of the bytes that the ledger has judged.

    Returns
    -------
    hu : float64 array, shape (H, W)
        Hounsfield units: stored value * RescaleSlope + RescaleIntercept.
    center, width : float
        Window of the header in HU.

    Raises
    ------
    DicomError
        If the file is gone or changed since the scan, or its pixels cannot be decoded; ``code``
        says which.

    References
    ----------
    DICOM PS3.3 C.11.1.1.2 (rescale); reference.md, section 1.
    """
    try:
        content = path.read_bytes()
    except OSError as err:
        raise DicomError(
            f"the file cannot be read: {err.strerror}", path=path, code=Reason.UNREADABLE
        ) from err
    if digest(content) != expected_digest:
        raise DicomError(
            "the file has changed since the folder was scanned",
            path=path,
            remedy="materialise series_ledger again",
            code=Reason.CHANGED,
        )
    header = read_header(content, path)
    stored = _decode(read_dataset(content, path), path)
    if stored.shape != (header.rows, header.columns):
        raise _mismatch(path, f"the pixels have shape {stored.shape}", header.rows, header.columns)
    slope, intercept = header.rescale
    return stored.astype(np.float64) * slope + intercept, *header.window


def _decode(dataset: Dataset, path: Path) -> npt.NDArray[np.generic]:
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is not None and not syntax.is_compressed:
        _check_length(dataset, path)
    try:
        return np.asarray(dataset.pixel_array)
    except (RuntimeError, NotImplementedError) as err:
        missing = "missing dependencies" in str(err) or isinstance(err, NotImplementedError)
        name = syntax.name if syntax is not None else "an unnamed transfer syntax"
        raise DicomError(
            f"the pixels ({name}) cannot be decoded: {_first_line(err)}",
            path=path,
            remedy="install the codec of this transfer syntax" if missing else None,
            code=Reason.DECODER_MISSING if missing else Reason.DECODE_FAILED,
        ) from err
    except (ValueError, AttributeError, EOFError, TypeError, KeyError) as err:
        raise DicomError(
            f"the pixels cannot be decoded: {_first_line(err)}",
            path=path,
            code=Reason.DECODE_FAILED,
        ) from err


def _check_length(dataset: Dataset, path: Path) -> None:
    """Compare the uncompressed bytes with the header: too many decode to a wrong picture."""
    expected = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    found = len(dataset.PixelData)
    # One byte pads an odd length (DICOM PS3.5, section 8.2).
    if found not in (expected, expected + expected % 2):
        raise _mismatch(path, f"{found} bytes of pixels", dataset.Rows, dataset.Columns)


def _mismatch(path: Path, found: str, rows: int | None, columns: int | None) -> DicomError:
    return DicomError(
        f"{found} do not fit Rows {rows} x Columns {columns}; truncated or a wrong header",
        path=path,
        code=Reason.SIZE_MISMATCH,
    )


def _first_line(err: Exception) -> str:
    return (str(err).splitlines() or [type(err).__name__])[0]
