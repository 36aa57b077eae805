"""A few slices of a series side by side, about 8 KB, for Dagster's metadata dialog."""

import io
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image

from ich_resources.panels import style
from ich_resources.panels.canvas import add_axes, add_text, fit_text, new_figure, render
from ich_resources.panels.checks import check_gray

WIDTH = 560
BANNER_HEIGHT = 28
GAP = 8
MAX_SLICES = 4
MAX_SIDE = 264
QUALITIES = (45, 30, 15, 5)
"""Of WebP, 0..100, tried in this order. At 45 captions are sharp; the panels are exact."""
ENOUGH = 6_000
"""A picture of so many bytes is small enough. Dagster stores each picture twice."""


def draw_slices(
    crops: Sequence[npt.NDArray[np.uint8]], captions: Sequence[str], warning: str
) -> bytes:
    """Draw a few slices of a series side by side.

    Parameters
    ----------
    crops : sequence of 1 to 4 uint8 arrays, shape (512, 512) or (512, 512, 3)
        Crops of the slice images, 0..255: gray, or RGB with the saliency.
    captions : sequence of str
        One line of text below each crop, such as ``slice 17  any 0.93``.
    warning : str
        What the numbers are not worth (``worth.BANNERS``); empty for no banner.

    Returns
    -------
    bytes
        WebP, 560 pixels wide.

    Raises
    ------
    ValueError
        If the number of crops is 0 or more than four, if the number of captions differs, or if a
        crop is not uint8 of shape (512, 512).
    """
    if not 1 <= len(crops) <= MAX_SLICES or len(crops) != len(captions):
        raise ValueError(
            f"draw_slices got {len(crops)} crops and {len(captions)} captions: it needs 1 to "
            f"{MAX_SLICES}, and one caption for each crop"
        )
    for crop in crops:
        check_gray(crop[..., 0] if crop.ndim == 3 else crop)
    slot = (WIDTH - GAP * (len(crops) + 1)) // len(crops)
    side = min(slot, MAX_SIDE)
    figure, top = _new_figure(side + GAP + 50, warning)
    first = (WIDTH - len(crops) * side - (len(crops) - 1) * GAP) // 2
    lefts = [first + k * (side + GAP) for k in range(len(crops))]
    for left, caption in zip(lefts, captions, strict=True):
        text = add_text(figure, left + side / 2, top + GAP + side + 18, "", 8.5, ha="center")
        fit_text(text, caption, 8.5, side)
    foot = top + GAP + side + 42
    add_text(figure, WIDTH - 14, foot, style.FOOTER, 7, ha="right", color=style.DIM_TEXT)
    page = render(figure)
    for left, crop in zip(lefts, crops, strict=True):
        small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        page[top + GAP : top + GAP + side, left : left + side] = (
            small if small.ndim == 3 else small[..., None]
        )
    return _encoded(page)


def _encoded(page: npt.NDArray[np.uint8]) -> bytes:
    picture, data = Image.fromarray(page), b""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=6)
        data = buffer.getvalue()
        if len(data) <= ENOUGH:
            break
    return data


def _new_figure(height: int, warning: str) -> tuple[Figure, int]:
    """Make a figure, with a banner on top if there is a warning; return the first free row."""
    if not warning:
        return new_figure(WIDTH, height), 0
    figure = new_figure(WIDTH, height + BANNER_HEIGHT)
    banner = add_axes(figure, 0, 0, WIDTH, BANNER_HEIGHT)
    banner.set(xticks=[], yticks=[], facecolor=style.BANNER)
    banner.spines[:].set_visible(False)
    add_text(
        figure,
        WIDTH / 2,
        BANNER_HEIGHT / 2,
        warning,
        10,
        ha="center",
        va="center_baseline",
        weight="bold",
        color=style.BANNER_TEXT,
    )
    return figure, BANNER_HEIGHT
