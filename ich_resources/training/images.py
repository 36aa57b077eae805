"""The images of a training: read, brought to one size, stacked with their neighbours."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ich_resources.errors import DatasetError
from ich_resources.preprocessing import CROP_SIZE

Image = npt.NDArray[np.uint8]

_REMEDY = "make the images of the data set again (ich_dataset)"


def read_image(path: Path, size: int | None = CROP_SIZE) -> Image:
    """Read a slice.

    Parameters
    ----------
    path : Path
        PNG, 8-bit gray, at its native size.
    size : int or None
        Edge of the result in pixels; None for the native size.

    Returns
    -------
    uint8 array, shape (size, size)
        Resized as cv2 does it (bilinear).

    Raises
    ------
    DatasetError
        If the file is missing or damaged.
    """
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as err:
        raise DatasetError(
            f"an image of the data set cannot be read: {err.strerror}", path=path, remedy=_REMEDY
        ) from err
    image = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) if len(content) else None
    if image is None:
        raise DatasetError("an image of the data set is damaged", path=path, remedy=_REMEDY)
    return np.asarray(image if size is None else cv2.resize(image, (size, size)), np.uint8)


def read_stack(paths: Iterable[Path]) -> Image:
    """Read the channels of a sample; equal paths are read once.

    Parameters
    ----------
    paths : iterable of Path
        PNG of each channel.

    Returns
    -------
    uint8 array, shape (512, 512, 3)
        In the order of the paths.
    """
    known: dict[Path, Image] = {}
    channels = []
    for path in paths:
        if path not in known:
            known[path] = read_image(path)
        channels.append(known[path])
    return np.stack(channels, axis=-1)
