"""Small pictures of slices and maps, as texts for a page."""

import base64

import cv2
import numpy as np
import numpy.typing as npt


def webp(picture: npt.NDArray[np.uint8], size: int, quality: int) -> str:
    """Return a gray picture as WebP in base64.

    Parameters
    ----------
    picture : uint8 array, shape (H, H)
        A crop or a map.
    size : int
        Edge of the result in pixels.
    quality : int
        0..100.
    """
    small = _resized(picture, size)
    return _text(cv2.imencode(".webp", small, (cv2.IMWRITE_WEBP_QUALITY, quality))[1].tobytes())


def raw(picture: npt.NDArray[np.uint8], size: int) -> str:
    """Return the gray levels of a small picture, row by row, one byte each, in base64.

    Parameters
    ----------
    picture : uint8 array, shape (H, H)
        A crop or a map.
    size : int
        Edge of the result in pixels.
    """
    return _text(_resized(picture, size).tobytes())


def shares(values: npt.NDArray[np.floating]) -> str:
    """Return probabilities as 16-bit numbers (65535 for 1, little endian), in base64.

    Parameters
    ----------
    values : float array
        0..1, of any shape; in C order.
    """
    return _text(np.rint(np.asarray(values, np.float64) * 65535).astype("<u2").tobytes())


def _resized(picture: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
