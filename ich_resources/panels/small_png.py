"""Palette PNG of a limited number of bytes, for pictures stored inside a database."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

MAX_BYTES = 50_000
"""Largest picture in Dagster's metadata, in bytes: it is stored with every event."""

COLOURS = (256, 128, 64, 32, 16, 8, 4, 2)
"""Sizes of the palette, tried from fine to coarse."""


def encode_small(rgb: npt.NDArray[np.uint8], max_bytes: int = MAX_BYTES) -> bytes:
    """Encode a picture with as many colours as the number of bytes allows.

    Parameters
    ----------
    rgb : uint8 array, shape (H, W, 3)
        RGB, 0..255.
    max_bytes : int
        Largest PNG, in bytes.

    Returns
    -------
    bytes
        PNG with a palette of at most 256 colours.

    Raises
    ------
    ValueError
        If not even two colours are small enough.
    """
    picture = Image.fromarray(np.ascontiguousarray(rgb))
    for colours in COLOURS:
        buffer = io.BytesIO()
        reduced = picture.quantize(colours, dither=Image.Dither.NONE)
        reduced.save(buffer, "PNG", compress_level=6)
        if buffer.tell() <= max_bytes:
            return buffer.getvalue()
    raise ValueError(f"a picture of shape {rgb.shape} does not fit into {max_bytes} bytes")
