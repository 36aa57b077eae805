"""Two small pictures of a whole series, at most 50 KB each, for Dagster's metadata dialog."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.panels import style
from ich_resources.panels.canvas import add_axes, add_text, fit_text, new_figure, render
from ich_resources.panels.checks import check_gray, check_unit_range
from ich_resources.panels.small_png import encode_small

WIDTH = 560
BANNER_HEIGHT = 28
GAP = 8
MAX_SLICES = 4
MAX_SIDE = 264
DASHES = ("-", "-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
"""One line style per class, so that the curves differ not only in colour."""


def draw_probability_curves(probabilities: npt.NDArray[np.float32], warning: str) -> bytes:
    """Draw the six probabilities along a series.

    Parameters
    ----------
    probabilities : float32 array, shape (N, 6)
        0..1, slices in series order, classes in the order of ``CLASSES``.
    warning : str
        What the numbers are not worth (``worth.BANNERS``); empty for no banner.

    Returns
    -------
    bytes
        PNG, 560 pixels wide, 300 high (328 with the warning), at most 50 KB.

    Raises
    ------
    ValueError
        If the shape does not fit or a value is not a probability.
    """
    count = len(probabilities)
    if count == 0:
        raise ValueError("no slice to draw")
    check_unit_range(probabilities, (count, len(CLASSES)), "probabilities")
    figure, top = _new_figure(300, warning)
    axes = add_axes(figure, 44, top + 46, WIDTH - 58, 210)
    # A line through a single point has no length, so a short series shows its points.
    marker = "o" if count < 5 else None
    for c, name in enumerate(CLASSES):
        axes.plot(
            np.arange(count),
            probabilities[:, c],
            color=style.CLASS_COLOURS[c],
            linestyle=DASHES[c],
            linewidth=3.2 if c == ANY else 1.4,
            marker=marker,
            markersize=4,
            label=name,
            clip_on=False,
        )
    axes.set_xlim(-0.5 if count == 1 else 0, max(count - 1, 0.5))
    axes.set_ylim(0, 1)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "0.25", "0.5", "0.75", "1"])
    axes.tick_params(labelsize=8)
    axes.grid(color=style.FRAME, linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 1 - (top + 2) / (300 + top)),
        ncols=3,
        frameon=False,
        labelcolor=style.TEXT,
        prop={"family": style.SANS, "size": 8},
        handlelength=3.2,
        borderaxespad=0,
        labelspacing=0.3,
    )
    foot = top + 292
    add_text(figure, 44, foot, "slice index in series order, from 0", 8, color=style.DIM_TEXT)
    add_text(figure, WIDTH - 14, foot, style.FOOTER, 7, ha="right", color=style.DIM_TEXT)
    return encode_small(render(figure))


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
        PNG, 560 pixels wide, at most 50 KB.

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
    return encode_small(page)


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
