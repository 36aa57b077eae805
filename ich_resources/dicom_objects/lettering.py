"""Text burnt into the pictures: the lines of each overlay, and the summary page."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from ich_resources.dicom_objects.scored import MODEL, RESEARCH, Scored
from ich_resources.hemorrhage import ANY, CLASSES

Picture = npt.NDArray[np.uint8]
"""uint8 RGB, shape (H, W, 3)."""

PAGE = (640, 1024)
"""Rows and columns of the summary page."""
_COLUMNS = (20, 230, 330, 460)
"""Where its table has columns: class, P, slice, checkpoints."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_YELLOW, _WHITE = (255, 225, 77), (236, 239, 243)
_HEIGHT, _LEADING = 22, 1.75
"""Height of a letter of size 1, in pixels; distance of lines as a factor of it."""


def burnt(picture: Picture, above: Sequence[str], below: Sequence[str]) -> Picture:
    """Return a picture with lines of text at its upper and lower edge.

    Parameters
    ----------
    picture : uint8 array, shape (H, W, 3)
        RGB. It is not changed.
    above, below : sequence of str
        Lines of ASCII. They are drawn as small as the width of the picture asks.

    Returns
    -------
    uint8 array, shape (H, W, 3)
        RGB, a copy.
    """
    written = np.ascontiguousarray(picture).copy()
    rows, columns = written.shape[:2]
    size = min(0.5, min(_fitting(line, columns - 4) for line in (*above, *below)))
    step = max(4, round(size * _HEIGHT * 1.4))
    for number, line in enumerate(above):
        _write(written, line, (2, step * (number + 1)), size, _YELLOW)
    for number, line in enumerate(reversed(below)):
        _write(written, line, (2, rows - 3 - step * number), size, _WHITE)
    return written


def _fitting(line: str, width: int) -> float:
    """Return the size at which a line has a width in pixels."""
    return width / max(1, cv2.getTextSize(line, _FONT, 1, 1)[0][0])


def _write(
    picture: Picture, line: str, at: tuple[int, int], size: float, colour: tuple[int, int, int]
) -> None:
    for shift, shade in ((1, (0, 0, 0)), (0, colour)):
        place = (at[0] + shift, at[1] + shift)
        cv2.putText(picture, line, place, _FONT, size, shade, 1, cv2.LINE_AA)


def overlay_lines(scored: Scored, index: int, target: int, number: str) -> list[str]:
    """Return the lower lines of an overlay: slice, P(any), and the class that its map explains.

    Parameters
    ----------
    scored : Scored
        The result.
    index : int
        Index of the slice.
    target : int
        Class that the map explains.
    number : str
        InstanceNumber of the source slice; empty where it has none.
    """
    bars = scored.probabilities[index]
    named = f"slice {index + 1} of {len(scored.probabilities)}"
    named += f" (image {number})" if number.isascii() and number.isdecimal() else ""
    shown = f"P({CLASSES[target]}) {bars[target]:.3f}"
    shown += "" if target == ANY else f"  P(any) {bars[ANY]:.3f}"
    return [named, f"{shown}  map of: {CLASSES[target]}"]


def summary_page(scored: Scored) -> Picture:
    """Return the first picture of the overlays: what was found, how, and what it is not.

    Parameters
    ----------
    scored : Scored
        The result.

    Returns
    -------
    uint8 array, shape (640, 1024, 3)
    """
    page = np.full((*PAGE, 3), 18, np.uint8)
    warnings = [RESEARCH, *([scored.banner] if scored.banner else [])]
    at = _lines(page, warnings, 20, 0.9, _YELLOW)
    at = _lines(page, ["", "Probability of the series: that of its highest slice"], at, 0.75)
    for number, name in enumerate(CLASSES):
        values, found = scored.probabilities[:, number], scored.checkpoints(number)
        cells = [name, f"{values.max():.3f}", f"slice {int(values.argmax()) + 1}"]
        spread = f"checkpoints {found.min():.3f} to {found.max():.3f}" if len(found) else ""
        at += round(0.75 * _HEIGHT * _LEADING)
        for left, text in zip(_COLUMNS, (*cells, spread), strict=True):
            cv2.putText(page, text, (left, at), _FONT, 0.75, _WHITE, 1, cv2.LINE_AA)
    _lines(page, ["", *_agreement(scored), *scored.facts, "", *_NOT], at, 0.55)
    return page


def _lines(
    page: Picture,
    lines: Sequence[str],
    at: int,
    size: float,
    colour: tuple[int, int, int] = _WHITE,
) -> int:
    """Write lines below each other; return where the last one stands."""
    for text in lines:
        fitting = min(size, _fitting(text, PAGE[1] - 2 * _COLUMNS[0])) if text else size
        at += round(size * _HEIGHT * (_LEADING if text else _LEADING / 2))
        cv2.putText(page, text, (_COLUMNS[0], at), _FONT, fitting, colour, 1, cv2.LINE_AA)
    return at


_NOT = (
    "Saliency shows which pixels moved an output. It is not a segmentation, and it is not",
    "evidence of blood. Each map is stretched to 0..1 per slice: compare P, not colours.",
    f"{MODEL}. These objects are not a report of a physician.",
)


def _agreement(scored: Scored) -> list[str]:
    found = scored.checkpoints(ANY)
    threshold = scored.threshold
    if threshold is None:
        return ["Threshold: not chosen. Presence is undetermined."]
    highest = scored.probabilities[:, ANY].max()
    side = "at or above" if highest >= threshold else "below"
    said = [f"Threshold on P(any) of the series: {threshold:g}. This series lies {side} it."]
    if len(found):
        above = int((found >= threshold).sum())
        said.append(f"Checkpoints at or above it on that slice: {above} of {len(found)}.")
    return said
