"""Decode the pixels of one file. A file that is compressed or not plain is decoded in a child."""

import warnings
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEGExtended12Bit

from ich_resources.dicom.bounded import decode_in_child
from ich_resources.dicom.frame_size import frame_mismatch
from ich_resources.dicom.frames import codec, is_encapsulated, one_frame, plugin_for
from ich_resources.dicom.header import Header
from ich_resources.dicom.header_values import header_of
from ich_resources.dicom.jpeg import decode_jpeg, no_complaints
from ich_resources.dicom.limits import PIXELS
from ich_resources.dicom.parsing import PARSE_ERRORS, read_dataset
from ich_resources.dicom.quoting import unquoted
from ich_resources.dicom.walk import EXPLICIT, IMPLICIT, OddError, is_plain, read_meta
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason

Stored = npt.NDArray[np.integer[Any]]


def decode(content: bytes, path: Path) -> tuple[Header, Stored]:
    """Return the header values and the stored values of the one frame of a file.

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Path of the file, for error texts.

    Returns
    -------
    Header
        The header values.
    integer array, shape (H, W)
        Stored values (DICOM PS3.3 C.7.6.3.1), before the rescale to HU.

    Raises
    ------
    DicomError
        If the file is not a DICOM data set (code UNREADABLE), its pixels do not fit the header
        (SIZE_MISMATCH), have no decoder (DECODER_MISSING), are damaged (DECODE_FAILED), or exceed a
        limit (OVER_LIMIT).
    """
    if _is_native(content):
        return decode_here(content, path, plain=True)
    return decode_in_child(content, path)


def _is_native(content: bytes) -> bool:
    """Return whether a file is plain, and its pixels are as they stand."""
    try:
        return is_plain(content) and read_meta(content, 132).syntax in (IMPLICIT, EXPLICIT)
    except OddError:  # nested too deep
        return False


def decode_here(content: bytes, path: Path, *, plain: bool = False) -> tuple[Header, Stored]:
    """Decode in this process; see ``decode``.

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Path of the file, for error texts.
    plain : bool
        Whether ``walk.is_plain`` has found it plain, so that it need not be checked again.

    Returns
    -------
    header : Header
        The header values.
    stored : integer array, shape (H, W)
        Stored values, before the rescale to HU.

    Raises
    ------
    DicomError
        As in ``decode``.
    """
    dataset = read_dataset(content, path, plain=plain)
    header = header_of(dataset)
    syntax = dataset.file_meta.TransferSyntaxUID
    name = syntax.name if syntax.is_transfer_syntax else "a transfer syntax that is not known"
    try:
        if dataset.Rows * dataset.Columns > PIXELS:
            size = f"Rows {dataset.Rows} x Columns {dataset.Columns}"
            text = f"{size} are more than {PIXELS} pixels"
            raise DicomError(text, path=path, code=Reason.OVER_LIMIT)
        stored = _pixels(dataset, path)
        if stored.shape != (header.rows, header.columns):
            _raise_mismatch(path, f"pixels of shape {stored.shape}", header.rows, header.columns)
        return header, stored
    except (RuntimeError, NotImplementedError) as err:
        missing = "missing dependencies" in str(err) or isinstance(err, NotImplementedError)
        raise DicomError(
            f"the pixels ({name}) cannot be decoded: {unquoted(str(err)) or type(err).__name__}",
            path=path,
            remedy="install the codec of this transfer syntax" if missing else None,
            code=Reason.DECODER_MISSING if missing else Reason.DECODE_FAILED,
        ) from err
    except PARSE_ERRORS as err:
        raise DicomError(
            f"the pixels cannot be decoded: {unquoted(str(err)) or type(err).__name__}",
            path=path,
            code=Reason.DECODE_FAILED,
        ) from err


def _pixels(dataset: Dataset, path: Path) -> Stored:
    if not is_encapsulated(dataset):
        return _native_pixels(dataset, path)
    frame = one_frame(dataset.PixelData)
    syntax = codec(dataset, frame)
    if not syntax.is_transfer_syntax:
        raise NotImplementedError("no decoder for this transfer syntax")
    rows, columns = dataset.Rows, dataset.Columns
    found = frame_mismatch(frame, syntax, rows, columns, dataset.BitsAllocated)
    if found:
        _raise_mismatch(path, found, rows, columns)
    return _stored_bits(_decompressed(dataset, frame, syntax), dataset)


def _native_pixels(dataset: Dataset, path: Path) -> Stored:
    """Return pixels as they stand, after a check: extra pixels would give a wrong image.

    Raises
    ------
    NotImplementedError
        If the transfer syntax is not known, so that the order of the bytes is not.
    """
    syntax, rows, columns = dataset.file_meta.TransferSyntaxUID, dataset.Rows, dataset.Columns
    if not syntax.is_transfer_syntax:
        raise NotImplementedError("no decoder for this transfer syntax")
    expected = rows * columns * dataset.BitsAllocated // 8
    length = len(dataset.PixelData)
    # Less than a row and a column more is padding; more than that may be a wrong header.
    spare = min(rows, columns) * dataset.BitsAllocated // 8
    if not expected <= length < expected + max(spare, 1 + expected % 2):
        _raise_mismatch(path, f"{length} bytes of pixels", rows, columns)
    if syntax.is_encapsulated:  # the header says compressed, and the bytes are as many as pixels
        dataset.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(dataset.pixel_array)


def _decompressed(dataset: Dataset, frame: bytes, syntax: UID) -> Stored:
    if syntax == JPEGExtended12Bit:
        return decode_jpeg(frame, dataset.Rows, dataset.Columns, dataset.BitsStored)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([frame])  # without the offset table of the file
    dataset["PixelData"].is_undefined_length = True
    dataset.NumberOfFrames = 1
    dataset.pixel_array_options(decoding_plugin=plugin_for(syntax))
    with no_complaints():
        return np.asarray(dataset.pixel_array)


def _stored_bits(stored: Stored, dataset: Dataset) -> Stored:
    """Keep BitsStored bits of what a codec gives, and extend the sign of signed values.

    References
    ----------
    DICOM PS3.5, section 8.1.1: the sign bit is the high bit; the bits above it are not image.
    """
    size = stored.dtype.itemsize
    spare = size * 8 - dataset.BitsStored
    if spare <= 0:
        return stored
    kind = np.dtype(f"{'i' if dataset.PixelRepresentation else 'u'}{size}")
    return (stored.astype(kind) << spare) >> spare


def _raise_mismatch(path: Path, found: str, rows: int | None, columns: int | None) -> NoReturn:
    raise DicomError(
        f"{found} do not fit Rows {rows} x Columns {columns}; truncated or a wrong header",
        path=path,
        code=Reason.SIZE_MISMATCH,
    )
