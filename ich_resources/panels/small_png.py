"""PNG with a palette and a limited number of bytes, for pictures in a database."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

MAX_BYTES = 50_000
"""Limit for a picture in Dagster's metadata, in bytes: every event stores its pictures."""

COLOURS = (256, 128, 64, 32, 16, 8, 4, 2)
"""Sizes of the palette, tried in this order."""


def encode_small(rgb: npt.NDArray[np.uint8], max_bytes: int = MAX_BYTES) -> bytes:
    """Encode a picture with as many colours as the number of bytes allows.

    Parameters
    ----------
    rgb : uint8 array, shape (H, W, 3)
        RGB, 0..255.
    max_bytes : int
        Limit for the PNG, in bytes.

    Returns
    -------
    bytes
        PNG with a palette of at most 256 colours.

    Raises
    ------
    ValueError
        If the PNG with two colours is still too large.
    """
    picture = Image.fromarray(np.ascontiguousarray(rgb))
    for colours in COLOURS:
        buffer = io.BytesIO()
        reduced = picture.quantize(colours, dither=Image.Dither.NONE)
        reduced.save(buffer, "PNG", compress_level=6)
        if buffer.tell() <= max_bytes:
            return buffer.getvalue()
    raise ValueError(f"a picture of shape {rgb.shape} does not fit into {max_bytes} bytes")
