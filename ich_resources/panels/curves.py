"""The six probabilities along a series as a small SVG, for Dagster's metadata dialog."""

import itertools
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.panels import style
from ich_resources.panels.checks import check_unit_range

WIDTH, HEIGHT, BANNER_HEIGHT = 560, 300, 28
LEFT, TOP = 44, 46
SIDE, RISE = 502, 210
"""Size of the axes in pixels."""
FINE = 2
"""Coordinates of the curves are whole numbers: so many to a pixel."""
FEW = 5
"""A shorter series shows its points: a line through a single one has no length."""
DASHES = ("", "", "8 4", "8 3 2 3", "2 3", "8 2 2 2 2 2")
"""Line style of each class, so that the curves differ not only in colour."""
_MOST_TICKS = 10
_QUOTE = {'"': "&quot;"}


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
        SVG, 560 pixels wide, 300 high (328 with the warning): 3 KB for 30 slices, 10 KB for 300.

    Raises
    ------
    ValueError
        If the shape does not fit or a value is not a probability.

    References
    ----------
    w3.org/TR/SVG2/paths.html
    """
    if not len(probabilities):
        raise ValueError("no slice to draw")
    check_unit_range(probabilities, (len(probabilities), len(CLASSES)), "probabilities")
    top = BANNER_HEIGHT if warning else 0
    size = f'width="{WIDTH}" height="{HEIGHT + top}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">',
        f'<rect {size} fill="{style.BACKGROUND}"/>',
        *_banner(warning),
        f'<g fill="none" transform="translate({LEFT},{top + TOP})scale({1 / FINE})">',
        *_curves(probabilities),
        f'</g><g fill="{style.DIM_TEXT}" transform="translate({LEFT},{top})">',
        *_axes(len(probabilities)),
        *_legend(),
        "</g></svg>",
    ]
    return "".join(parts).replace('"', "'").encode()  # as an address needs it


def _banner(warning: str) -> Iterator[str]:
    if warning:
        yield f'<path d="M0 0h{WIDTH}v{BANNER_HEIGHT}H0" fill="{style.BANNER}"/>'
        yield (
            f'<text x="{WIDTH / 2:g}" y="19" text-anchor="middle" font-size="13" '
            f'font-weight="bold" fill="{style.BANNER_TEXT}">{escape(warning, _QUOTE)}</text>'
        )


def _legend() -> Iterator[str]:
    places = [(c // 2 * 176, 14 + c % 2 * 17) for c in range(len(CLASSES))]
    for c, (x, y) in enumerate(places):
        yield f'<path d="M{x} {y}h34" {_stroke(c, 1)}/>'
    names = [(x + 41, y + 4, name) for (x, y), name in zip(places, CLASSES, strict=True)]
    yield _texts(names, f'fill="{style.TEXT}"')


def _axes(count: int) -> Iterator[str]:
    heights = [(TOP + RISE * (1 - p), f"{p:g}") for p in (0, 0.25, 0.5, 0.75, 1)]
    ticks = [(x / FINE, str(i)) for i, x in _ticks(count)]
    lines = "".join(f"M0 {y:g}h{SIDE}" for y, _ in heights)
    lines += "".join(f"M{x:g} {TOP}v{RISE}" for x, _ in ticks)
    yield f'<path d="{lines}" stroke="{style.FRAME}" stroke-width=".6"/>'
    yield _texts([(-6, y + 4, text) for y, text in heights], 'text-anchor="end"')
    yield _texts([(x, TOP + RISE + 16, text) for x, text in ticks], 'text-anchor="middle"')
    yield _texts([(0, 292, "slice, in the order of the series")], "")
    yield _texts([(SIDE, 292, style.FOOTER)], 'text-anchor="end"')


def _texts(texts: Iterable[tuple[float, float, str]], options: str) -> str:
    """Return one element for texts that look alike."""
    spans = (f'<tspan x="{x:g}" y="{y:g}">{text}</tspan>' for x, y, text in texts)
    return f"<text {options}>" + "".join(spans) + "</text>"


def _ticks(count: int) -> list[tuple[int, int]]:
    """Return the numbers of some slices, from 1, and the place of each."""
    steps = (figure * 10**power for power in itertools.count() for figure in (1, 2, 5))
    step = next(step for step in steps if count <= step * _MOST_TICKS)
    places = _places(count)
    return [(i + 1, places[i]) for i in range(0, count, step)]


def _places(count: int) -> list[int]:
    """Return the horizontal place of each slice; a single one stands in the middle."""
    if count == 1:
        return [SIDE * FINE // 2]
    return [round(i * SIDE * FINE / (count - 1)) for i in range(count)]


def _stroke(c: int, scale: int) -> str:
    dashes = " ".join(str(int(d) * scale) for d in DASHES[c].split())
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    width = (3.2 if c == ANY else 1.4) * scale
    return f'stroke="{style.CLASS_COLOURS[c]}" stroke-width="{width:g}"{dashed}'


def _curves(probabilities: npt.NDArray[np.float32]) -> Iterator[str]:
    places = _places(len(probabilities))
    for c in range(len(CLASSES)):
        heights = [round(RISE * FINE * (1 - float(p))) for p in probabilities[:, c]]
        points = list(zip(places, heights, strict=True))
        path = f"M{places[0]} {heights[0]}" + "".join(
            f"l{x - x0}{y - y0:+d}" for (x0, y0), (x, y) in itertools.pairwise(points)
        )
        yield f'<path d="{path}" {_stroke(c, FINE)}/>'
        if len(points) < FEW:
            colour, radius = (
                style.CLASS_COLOURS[c],
                8 if c == ANY else 5,
            )  # any is behind the others
            dot = f'r="{radius}" fill="{colour}"/>'
            yield "".join(f'<circle cx="{x}" cy="{y}" {dot}' for x, y in points)
