"""Reliability of the probabilities: share of positives against probability, class by class."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.panels.chart import (
    Theme,
    chart,
    footer,
    name_axes,
    place,
    png,
    theme,
    unit_square,
)

WIDTH, HEIGHT = 720, 556
SIDE, LEFT, TOP, STEP_X, STEP_Y = 168, 54, 48, 228, 254


@dataclass(frozen=True)
class ReliabilityBins:
    """The bins of one class.

    Attributes
    ----------
    name : str
        Class.
    means, shares, lows, highs : sequence of float
        Mean probability, share of positives and its interval, by bin.
    text : str
        A line below the name.
    """

    name: str
    means: Sequence[float]
    shares: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
    text: str


def draw_reliability(classes: Sequence[ReliabilityBins], note: str, *, dark: bool = False) -> bytes:
    """Draw a small chart for each class.

    Parameters
    ----------
    classes : sequence of ReliabilityBins
        By class, at most six.
    note : str
        Below the picture.
    dark : bool
        Whether for a dark page.

    Returns
    -------
    bytes
        PNG, 1440 x 1112 pixels.
    """
    colours = theme(dark)
    figure = chart(WIDTH, HEIGHT, colours)
    for place_, bins in enumerate(classes):
        row, column = divmod(place_, 3)
        box = (LEFT + column * STEP_X, TOP + row * STEP_Y, SIDE, SIDE)
        axes = place(figure, colours, box, bins.name, bins.text)
        unit_square(axes, colours)
        name_axes(
            axes,
            colours,
            "probability" if row == 1 else "",
            "share with the bleed" if column == 0 else "",
        )
        _draw(axes, bins, colours)
    footer(figure, colours, note)
    return png(figure)


def _draw(axes: Axes, bins: ReliabilityBins, colours: Theme) -> None:
    colour = colours.classes[CLASSES.index(bins.name)]
    if len(bins.means):
        below = [max(0.0, s - low) for s, low in zip(bins.shares, bins.lows, strict=True)]
        above = [max(0.0, high - s) for s, high in zip(bins.shares, bins.highs, strict=True)]
        axes.errorbar(
            bins.means,
            bins.shares,
            yerr=[below, above],
            color=colour,
            ecolor=colours.dim,
            elinewidth=0.9,
            marker="o",
            markersize=4.5 if bins.name == CLASSES[ANY] else 4,
            linewidth=1.3,
            capsize=0,
            clip_on=False,
            zorder=3,
        )
