"""Arrays and images below the run root: written whole, and read."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ich_resources.errors import StorageError
from ich_resources.storage.files import CHANGED, is_unchanged, read_checked, write_bytes


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array as .npy, durable; see ``write_bytes``.

    Parameters
    ----------
    path : Path
        Its folder is made if missing.
    array : array
        Of numbers; objects are refused with a ValueError.
    """
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getvalue(), durable=True)


def read_array(
    path: Path, *, remedy: str, mapped: bool = False, sha256: str | None = None
) -> npt.NDArray[Any]:
    """Read an array written by ``write_array``.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What makes it.
    mapped : bool
        Whether to read each row when it is used. The array is then read-only.
    sha256 : str, optional
        Digest of the file, from its record.

    Returns
    -------
    array
        The dtype and the shape are those of the file.

    Raises
    ------
    StorageError
        If the file is missing or damaged.
    """
    if mapped and sha256 is not None and not is_unchanged(path, sha256):
        raise StorageError(CHANGED, path=path, remedy=remedy)
    try:
        if mapped:
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        content = read_checked(path, sha256, remedy=remedy)
        return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))
    except StorageError:
        raise
    except Exception as err:  # numpy lets many kinds through for a damaged header
        raise StorageError(f"the array cannot be read: {err}", path=path, remedy=remedy) from err


def write_png(path: Path, image: npt.NDArray[np.uint8]) -> None:
    """Write an 8-bit gray or BGR image losslessly; see ``write_bytes``.

    Parameters
    ----------
    path : Path
        Its folder is made if missing.
    image : uint8 array, shape (H, W) or (H, W, 3)
        Gray, or BGR.
    """
    _, encoded = cv2.imencode(".png", image)
    write_bytes(path, encoded.tobytes())
