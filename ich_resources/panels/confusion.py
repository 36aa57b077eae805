"""Counts in tables: flagged against bleeding, and the most probable subtype against the label."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from ich_resources.panels import style
from ich_resources.panels.chart import Theme, chart, footer, place, png, theme

WIDTH, HEIGHT = 760, 400


def draw_confusion(
    counts: tuple[int, int, int, int] | None,
    subtypes: Sequence[Sequence[int]],
    names: Sequence[str],
    note: str,
    *,
    dark: bool = False,
) -> bytes:
    """Draw both tables.

    Parameters
    ----------
    counts : (int, int, int, int) or None
        True positives, false negatives, false positives, true negatives; None without a threshold.
    subtypes : sequence of sequences of int, 5 x 5
        Rows: labelled subtype; columns: the most probable one.
    names : sequence of str
        The five subtypes.
    note : str
        Below the picture.
    dark : bool
        Whether for a dark page.

    Returns
    -------
    bytes
        PNG, 1520 x 800 pixels.
    """
    colours = theme(dark)
    figure = chart(WIDTH, HEIGHT, colours)
    left = place(figure, colours, (92, 62, 190, 190), "Any bleed, at the threshold")
    if counts is None:
        left.axis("off")
        left.text(0, 0.8, "no threshold", color=colours.dim, transform=left.transAxes)
    else:
        tp, fn, fp, tn = counts
        _table(left, np.array([[tp, fn], [fp, tn]]), colours, size=15)
        _name(left, colours, ["flagged", "not flagged"], ["bleed", "no bleed"])
    right = place(figure, colours, (430, 62, 300, 240), "Subtypes: labelled, and most probable")
    _table(right, np.array(subtypes), colours, size=10)
    _name(right, colours, names, names, turned=True)
    footer(figure, colours, note)
    return png(figure)


def _table(axes: Axes, counts: npt.NDArray[np.int64], colours: Theme, size: float) -> None:
    rows = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares = counts / rows
    paper, accent = (np.array(to_rgb(colour)) for colour in (colours.paper, colours.accent))
    strength = (0.06 + 0.84 * shares)[..., None]
    painted = (1 - strength) * paper + strength * accent
    axes.imshow(painted, aspect="auto")
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(counts.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(counts.shape[0] + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=colours.paper, linewidth=2)
    axes.tick_params(which="minor", length=0)
    for (row, column), count in np.ndenumerate(counts):
        bright = painted[row, column] @ (0.3, 0.59, 0.11) > 0.55
        axes.text(
            column,
            row,
            f"{count:,}".replace(",", "\u202f"),
            ha="center",
            va="center",
            fontsize=size,
            weight="bold" if row == column else "normal",
            color="#10151b" if bright else "#ffffff",
            family=style.SANS,
        )


def _name(
    axes: Axes, colours: Theme, columns: Sequence[str], rows: Sequence[str], *, turned: bool = False
) -> None:
    axes.set_xticks(
        range(len(columns)),
        labels=list(columns),
        rotation=30 if turned else 0,
        ha="right" if turned else "center",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(len(rows)), labels=list(rows))
    axes.tick_params(colors=colours.ink, labelsize=8.5, length=0)
