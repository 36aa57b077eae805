"""Figures with places in pixels from the top left corner."""

from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from ich_resources.panels import style

DPI = 100


def new_figure(width: int, height: int) -> Figure:
    """Make an empty figure with an Agg canvas.

    Parameters
    ----------
    width, height : int
        Size in pixels.

    Returns
    -------
    matplotlib.figure.Figure
        100 dots per inch, dark background.
    """
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=style.BACKGROUND)
    FigureCanvasAgg(figure)
    return figure


def add_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a place of the figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure that gets the axes.
    left, top, width, height : float
        Place and size in pixels.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with a thin frame, dim labels and no tick marks.
    """
    w, h = figure.get_size_inches() * DPI
    axes = figure.add_axes((left / w, 1 - (top + height) / h, width / w, height / h))
    axes.set_facecolor(style.BACKGROUND)
    axes.tick_params(length=0, colors=style.DIM_TEXT, labelfontfamily=style.SANS)
    for spine in axes.spines.values():
        spine.set_color(style.FRAME)
    return axes


def add_text(figure: Figure, x: float, y: float, text: str, size: float, **options: Any) -> Text:
    """Add a line of text.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure that gets the text.
    x, y : float
        Anchor in pixels. The text begins at x, and its baseline is at y, unless options differ.
    text : str
        The text. A dollar sign does not start a formula.
    size : float
        Font size in points.
    **options
        Further properties of ``matplotlib.text.Text``.

    Returns
    -------
    matplotlib.text.Text
        The artist.
    """
    w, h = figure.get_size_inches() * DPI
    options = {"color": style.TEXT, "family": style.SANS, **options}
    return figure.text(x / w, 1 - y / h, text, fontsize=size, parse_math=False, **options)


def fit_text(text: Text, words: str, size: float, available: float) -> None:
    """Set a text of any length. If it is too long, it gets a smaller font; it is never cut.

    Parameters
    ----------
    text : matplotlib.text.Text
        The artist to change.
    words : str
        Its new text.
    size : float
        Largest font size in points.
    available : float
        Largest width in pixels.
    """
    text.set_text(words)
    text.set_fontsize(size)
    width = text.get_window_extent().width
    if width > available:
        # Hinting rounds the width of small letters, so 5 % stay free.
        text.set_fontsize(0.95 * size * available / width)


def render(figure: Figure) -> npt.NDArray[np.uint8]:
    """Draw a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        A figure from ``new_figure``.

    Returns
    -------
    uint8 array, shape (H, W, 3)
        RGB, 0..255; a copy.
    """
    canvas = cast(FigureCanvasAgg, figure.canvas)
    canvas.draw()
    rgba = np.asarray(canvas.buffer_rgba())
    return cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB).astype(np.uint8, copy=False)
