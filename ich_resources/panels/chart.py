"""Figures of an evaluation: on paper white, or dark for a dark page."""

import io
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ich_resources.panels import style

DPI = 100
SCALE = 2
"""Pixels of the PNG for each pixel of the page, so that print is sharp."""


@dataclass(frozen=True)
class Theme:
    """Colours of a figure.

    Attributes
    ----------
    paper, ink, dim, grid, accent : str
        Background, text, small text, lines, and the colour of what matters.
    classes : tuple of str
        One colour per class; ``any`` first.
    """

    paper: str
    ink: str
    dim: str
    grid: str
    accent: str
    classes: tuple[str, ...]


LIGHT = Theme(
    "#ffffff",
    "#1a1f26",
    "#5a6572",
    "#d9dee4",
    "#0b5cab",
    ("#1a1f26", "#d55e00", "#0072b2", "#009e73", "#b8860b", "#b0528c"),
)
DARK = Theme(
    "#171c23",
    style.TEXT,
    style.DIM_TEXT,
    "#323c48",
    "#6fb3ff",
    style.CLASS_COLOURS,
)
DASHES = ("-", "-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
"""One line style per class, so that the curves differ not only in colour."""


def theme(dark: bool) -> Theme:
    """Return the colours for a dark page, or for paper."""
    return DARK if dark else LIGHT


def chart(width: int, height: int, colours: Theme) -> Figure:
    """Make an empty figure.

    Parameters
    ----------
    width, height : int
        Size on the page in pixels.
    colours : Theme
        Its colours.
    """
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=colours.paper)
    FigureCanvasAgg(figure)
    return figure


def place(
    figure: Figure,
    colours: Theme,
    box: tuple[float, float, float, float],
    title: str = "",
    subtitle: str = "",
) -> Axes:
    """Add axes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Gets the axes.
    colours : Theme
        Its colours.
    box : (float, float, float, float)
        Left, top, width and height in pixels of the page.
    title, subtitle : str
        Two lines above.
    """
    w, h = figure.get_size_inches() * DPI
    left, top, width, height = box
    axes = figure.add_axes((left / w, 1 - (top + height) / h, width / w, height / h))
    axes.set_facecolor(colours.paper)
    axes.tick_params(length=0, colors=colours.dim, labelsize=8, labelfontfamily=style.SANS)
    for side, spine in axes.spines.items():
        spine.set_color(colours.grid)
        spine.set_visible(side in ("left", "bottom"))
    if title:
        axes.set_title(
            title,
            loc="left",
            fontsize=10,
            color=colours.ink,
            family=style.SANS,
            weight="bold",
            pad=18 if subtitle else 8,
        )
    if subtitle:
        axes.text(
            0,
            1.035,
            subtitle,
            transform=axes.transAxes,
            fontsize=7.5,
            color=colours.dim,
            family=style.SANS,
            parse_math=False,
        )
    return axes


def name_axes(axes: Axes, colours: Theme, x: str, y: str) -> None:
    """Name both axes of a chart.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The chart.
    colours : Theme
        ``dim`` is the colour of the names.
    x, y : str
        The names.
    """
    options: dict[str, Any] = {"fontsize": 8.5, "color": colours.dim, "family": style.SANS}
    axes.set_xlabel(x, **options)
    axes.set_ylabel(y, **options)


def unit_square(axes: Axes, colours: Theme) -> None:
    """Let both axes go from 0 to 1, with a grid and the diagonal."""
    ticks, labels = [0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"]
    axes.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015))
    axes.set_xticks(ticks, labels=labels)
    axes.set_yticks(ticks, labels=labels)
    axes.grid(color=colours.grid, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.plot([0, 1], [0, 1], color=colours.dim, linewidth=0.9, linestyle=(0, (2, 3)))


def footer(figure: Figure, colours: Theme, text: str) -> None:
    """Write the line of use below a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        It is drawn at ``DPI``.
    colours : Theme
        ``dim`` is the colour of the line.
    text : str
        Written as it is: a dollar sign begins no formula.
    """
    w, h = figure.get_size_inches() * DPI
    figure.text(
        1 - 10 / w, 8 / h, text, ha="right", fontsize=7, color=colours.dim, parse_math=False
    )


def png(figure: Figure) -> bytes:
    """Return a figure as PNG, with twice the pixels that it has on the page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI * SCALE, metadata={"Software": None})
    return buffer.getvalue()
