"""The bar chart of the six probabilities."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.panels import style
from ich_resources.panels.canvas import add_axes
from ich_resources.panels.checks import check_unit_range

GAP = 0.35
"""Extra space between ``any`` and the five subtypes; the unit is the distance of two bars."""


class ProbabilityBars:
    """Horizontal bars from 0 to 1, one for each class. They are made once and updated per slice.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure that gets the bars.
    left, top, width, height : float
        Place and size of the axes in pixels. The class names are to the left of the axes. The
        values and the mark of the highest bar take up to 200 pixels to the right.
    """

    def __init__(
        self, figure: Figure, left: float, top: float, width: float, height: float
    ) -> None:
        axes = add_axes(figure, left, top, width, height)
        rows = [row if row == ANY else row + GAP for row in range(len(CLASSES))]
        axes.set_xlim(0, 1)
        axes.set_ylim(rows[-1] + 0.6, rows[0] - 0.6)
        axes.set_xticks(np.linspace(0, 1, 6), labels=["0", "0.2", "0.4", "0.6", "0.8", "1"])
        axes.set_yticks(rows, labels=CLASSES)
        axes.tick_params(axis="x", labelsize=12, pad=8)
        axes.tick_params(axis="y", labelsize=15, pad=12, labelcolor=style.TEXT)
        axes.grid(axis="x", color=style.FRAME, linewidth=0.8)
        axes.set_axisbelow(True)
        for side in ("top", "right", "bottom"):
            axes.spines[side].set_visible(False)
        self._bars = axes.barh(rows, np.zeros(len(CLASSES)), height=0.62)
        self._values = [
            axes.text(0, row, "", fontsize=15, family=style.SANS, va="center_baseline")
            for row in rows
        ]

    def show(self, probabilities: npt.NDArray[np.float32], *, mark: bool = True) -> None:
        """Set the bars and their values, and mark the highest (of equal bars the first).

        Parameters
        ----------
        probabilities : float32 array, shape (6,)
            0..1, in the order of ``CLASSES``.
        mark : bool
            Whether the highest bar is marked.

        Raises
        ------
        ValueError
            If the shape does not fit or a value is not a probability.
        """
        check_unit_range(probabilities, (len(CLASSES),), "probabilities")
        highest = int(np.argmax(probabilities)) if mark else -1
        for row, (bar, value) in enumerate(zip(self._bars, self._values, strict=True)):
            p = float(probabilities[row])
            bar.set_width(p)
            bar.set_color(style.HIGHEST_BAR if row == highest else style.BAR)
            value.set_x(p + 0.015)
            value.set_text(f"{p:.3f}  ◀ highest" if row == highest else f"{p:.3f}")
            value.set_color(style.HIGHEST_BAR if row == highest else style.TEXT)
            value.set_fontweight("bold" if row == highest else "normal")
