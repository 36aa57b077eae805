"""ROC curves of the classes, with the operating point."""

from collections.abc import Sequence
from dataclasses import dataclass

from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.panels import style
from ich_resources.panels.chart import (
    DASHES,
    chart,
    footer,
    name_axes,
    place,
    png,
    theme,
    unit_square,
)

WIDTH, HEIGHT = 700, 430


@dataclass(frozen=True)
class RocCurve:
    """One curve of the picture.

    Attributes
    ----------
    name : str
        Class.
    false_positive_rate, true_positive_rate : sequence of float
        From (0, 0) to (1, 1); empty where there are too few cases.
    legend : str
        Its AUC with interval, as text.
    """

    name: str
    false_positive_rate: Sequence[float]
    true_positive_rate: Sequence[float]
    legend: str


def draw_roc(
    curves: Sequence[RocCurve],
    point: tuple[float, float] | None,
    title: str,
    note: str,
    *,
    dark: bool = False,
) -> bytes:
    """Draw the curves of all classes.

    Parameters
    ----------
    curves : sequence of RocCurve
        By class.
    point : (float, float) or None
        False positive rate and sensitivity of the operating point on ``any``.
    title, note : str
        Above and below the picture.
    dark : bool
        Whether for a dark page.

    Returns
    -------
    bytes
        PNG, 1400 x 860 pixels.
    """
    colours = theme(dark)
    figure = chart(WIDTH, HEIGHT, colours)
    axes = place(figure, colours, (56, 34, 330, 330), title)
    unit_square(axes, colours)
    name_axes(axes, colours, "1 − specificity (share of false alarms)", "sensitivity")
    for curve in curves:
        c = CLASSES.index(curve.name)
        axes.plot(
            curve.false_positive_rate,
            curve.true_positive_rate,
            color=colours.classes[c],
            linestyle=DASHES[c],
            linewidth=2.6 if c == ANY else 1.3,
            label=f"{curve.name}\n{curve.legend}",
            zorder=3 if c == ANY else 2,
            drawstyle="steps-post" if len(curve.true_positive_rate) > 2 else "default",
        )
    if point is not None:
        axes.plot(
            [point[0]],
            [point[1]],
            marker="o",
            markersize=10,
            markerfacecolor="none",
            markeredgewidth=2.2,
            color=colours.accent,
            linestyle="none",
            label="threshold (any)",
            zorder=4,
            clip_on=False,
        )
    w = figure.get_size_inches()[0] * 100
    figure.legend(
        loc="upper left",
        bbox_to_anchor=(402 / w, 1 - 28 / HEIGHT),
        frameon=False,
        labelcolor=colours.ink,
        prop={"family": style.SANS, "size": 8.5},
        handlelength=3,
        labelspacing=0.9,
        borderaxespad=0,
    )
    footer(figure, colours, note)
    return png(figure)
