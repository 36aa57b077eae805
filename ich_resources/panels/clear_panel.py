"""The panel of the preset ``clear``: what each number and each colour means stands on it."""

import cv2
import numpy as np
import numpy.typing as npt

from ich_resources.hemorrhage import ANY, class_index
from ich_resources.panels import style
from ich_resources.panels.canvas import add_text, fit_text
from ich_resources.panels.caption import Caption, Clear
from ich_resources.panels.overlay import OPACITY
from ich_resources.panels.panel import (
    BARS_TITLE,
    HEIGHT,
    LEFT,
    OVERLAY_LEFT,
    RIGHT,
    SIDE,
    TOP,
    PanelPainter,
)

NOT_A_FINDING = (
    "Saliency shows which pixels moved an output of the networks. It is not a segmentation, and "
    "it is not evidence of blood."
)
SCORE = "Score: mean of the map over the picture, 0 to 1. It does not depend on P."
STRETCHED = (
    "Each map is stretched to 0..1 per slice. A slice without hemorrhage can have a map as high as "
    "one with it."
)
FAINT = f"Opacity of the colours: {OPACITY} x map x P of the class."
_NOTES = (812, 838, 864)
"""Rows of the notes, in pixels."""


class ClearPainter(PanelPainter):
    """Paints panels of 2400 x 880 pixels: the pictures and bars of ``PanelPainter``, explained."""

    height = HEIGHT + 80

    def __init__(self) -> None:
        super().__init__()
        mono = {"family": style.MONO}
        add_text(self.figure, LEFT, 20, "Series", 13, color=style.DIM_TEXT, **mono)
        self._description = add_text(self.figure, LEFT + 130, 20, "", 13)
        self._notes = [add_text(self.figure, LEFT, y, "", 13, color=style.DIM_TEXT) for y in _NOTES]

    def _strength(self, probabilities: npt.NDArray[np.float32], caption: Caption) -> float:
        target = class_index(caption.target_class)
        return float(probabilities[target]) if _clear(caption).by_probability else 1.0

    def _is_marked(self, probabilities: npt.NDArray[np.float32], caption: Caption) -> bool:
        threshold = _clear(caption).threshold
        return threshold is None or float(probabilities[ANY]) >= threshold

    def _say(self, caption: Caption, probabilities: npt.NDArray[np.float32]) -> None:
        super()._say(caption, probabilities)
        clear = _clear(caption)
        fit_text(self._description, clear.description or "no description", 13, 780)
        center, width = clear.window
        fit_text(self._slice_title, f"Slice, window W {width:g} L {center:g} HU", 16, SIDE)
        index = f"index {caption.slice_index}, counted from 0"
        self._index.set_text(index if clear.z is None else f"z {clear.z:.1f} mm  |  {index}")
        target = class_index(caption.target_class)
        title = f"Saliency for {caption.target_class}, P {probabilities[target]:.3f}"
        marked = self._is_marked(probabilities, caption)
        if not marked and target == int(np.argmax(probabilities)):
            title = (
                f"Saliency for the highest class, {caption.target_class}, "
                f"P {probabilities[target]:.3f}"
            )
        fit_text(self._target, title, 16, SIDE - 130)
        words = BARS_TITLE
        if clear.threshold is not None:
            side = "at or above" if marked else "below"
            words += f": P(any) {side} the threshold {clear.threshold:g}"
        fit_text(self._bars_title, words, 16, RIGHT - 1560)
        notes = (f"{STRETCHED} {FAINT}" if clear.by_probability else STRETCHED, SCORE)
        for text, note in zip(self._notes, (NOT_A_FINDING, *notes), strict=True):
            fit_text(text, note, 13, RIGHT - LEFT)

    def _write_on(self, page: npt.NDArray[np.uint8], caption: Caption) -> None:
        """Write the letters of the left and the right edge on both pictures."""
        sides = _clear(caption).sides
        for left in (LEFT, OVERLAY_LEFT):
            for letter, x in zip(sides[:2], (left + 10, left + SIDE - 32), strict=False):
                _letter(page, letter, (x, TOP + SIDE // 2 + 11))


def _clear(caption: Caption) -> Clear:
    """Return what this panel says beside its caption.

    Raises
    ------
    ValueError
        If the caption is that of another panel.
    """
    if caption.clear is None:
        raise ValueError("the caption is that of a panel of the preset reference")
    return caption.clear


def _letter(page: npt.NDArray[np.uint8], letter: str, at: tuple[int, int]) -> None:
    """Write a white letter with a dark edge, as viewers do."""
    for colour, thickness in ((0, 6), (255, 2)):
        cv2.putText(
            page,
            letter,
            at,
            cv2.FONT_HERSHEY_SIMPLEX,
            1.0,
            (colour, colour, colour),
            thickness,
            cv2.LINE_AA,
        )
