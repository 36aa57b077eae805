"""The window of a slice: which one is taken, and whether it shows the brain.

The bounds of a brain window stand here alone.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ich_resources.reasons import Reason
from ich_resources.series import Remark

Window = tuple[float, float]
"""Center and width, in HU."""

DEFAULT_WINDOW: Window = (40.0, 80.0)
"""The window where the header has none (docs/reference.md, section 1)."""
BRAIN_CENTERS = (0.0, 80.0)
"""Centers of brain windows, in HU."""
WIDEST_BRAIN_WINDOW = 200.0
"""Wider windows show something else, in HU."""
CT_NUMBERS = (-1024.0, 3071.0)
"""HU that 12 bits hold. A window with none of them shows nothing of a head."""

_FIXED = re.compile(r"\s*([-+]?\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)\s*", re.ASCII)


def shows_brain(window: Window) -> bool:
    """Return whether a window is for brain.

    Parameters
    ----------
    window : (float, float)
        Center and width, in HU.
    """
    low, high = BRAIN_CENTERS
    return low <= window[0] <= high and window[1] <= WIDEST_BRAIN_WINDOW


def window_fault(window: Window) -> str:
    """Return what makes a window useless; empty where it can be used.

    Parameters
    ----------
    window : (float, float)
        Center and width, in HU.
    """
    center, width = window
    # Width 1 is empty as well: width // 2 is 0, and the slice would be black.
    if width // 2 <= 0:
        return f"WindowWidth {width:g} at center {center:g} is empty"
    if center - width // 2 >= CT_NUMBERS[1] or center + width // 2 <= CT_NUMBERS[0]:
        return f"WindowWidth {width:g} at center {center:g} holds no value of CT"
    return ""


@dataclass(frozen=True)
class WindowChoice:
    """How the window of a slice is chosen.

    Attributes
    ----------
    mode : {"header", "header_brain", "fixed"}
        The first pair of the header; the first pair that is for brain, else the first; or one
        window for all slices.
    fixed : (float, float)
        Center and width of that window, in HU; of no meaning in the other modes.
    """

    mode: Literal["header", "header_brain", "fixed"] = "header"
    fixed: Window = DEFAULT_WINDOW

    def of(self, pairs: Sequence[Window]) -> Window:
        """Return the window of a slice.

        Parameters
        ----------
        pairs : sequence of (float, float)
            The pairs of its header, in HU. ``DEFAULT_WINDOW`` stands for a header without a pair.
        """
        if self.mode == "fixed":
            return self.fixed
        first = pairs[0] if pairs else DEFAULT_WINDOW
        if self.mode == "header":
            return first
        usable = (pair for pair in pairs if shows_brain(pair) and not window_fault(pair))
        return next(usable, first)

    def __str__(self) -> str:
        if self.mode != "fixed":
            return self.mode
        return f"{self.fixed[0]:g}/{self.fixed[1]:g}"


AS_THE_HEADER_SAYS = WindowChoice()
"""The choice of the reference."""


def parse_window(text: str) -> WindowChoice:
    """Return the choice that a text of the configuration stands for.

    Parameters
    ----------
    text : str
        ``header``, ``header_brain``, or center and width in HU such as ``40/80``.

    Raises
    ------
    ValueError
        If it is none of these, or the window is empty.
    """
    if text == "header" or text == "header_brain":
        return WindowChoice("header" if text == "header" else "header_brain")
    found = _FIXED.fullmatch(text)
    if found is None:
        raise ValueError(
            f"window {text!r} is unknown; use header, header_brain, or center/width such as 40/80"
        )
    window = (float(found[1]), float(found[2]))
    fault = "" if all(map(math.isfinite, window)) else "it is not finite"
    fault = fault or window_fault(window)
    if fault:
        raise ValueError(f"window {text!r} cannot be used: {fault}")
    return WindowChoice("fixed", window)


def window_remarks(
    slices: Sequence[Sequence[Window] | None], choice: WindowChoice
) -> tuple[Remark, ...]:
    """Return the remarks on the windows of a series.

    Parameters
    ----------
    slices : sequence
        The pairs of each slice to be scored; None where an earlier version read the header.
    choice : WindowChoice
        How the window is chosen.

    Returns
    -------
    tuple of Remark
        WINDOW_ASSUMED where a slice has no pair, and NOT_BRAIN_WINDOW where the chosen window is
        not for brain.
    """
    known = [pairs for pairs in slices if pairs is not None]
    found = []
    lacking = sum(not pairs for pairs in known) if choice.mode != "fixed" else 0
    if lacking:
        center, width = DEFAULT_WINDOW
        text = f"slices without a whole window: {lacking}; {center:g}/{width:g} is assumed"
        found.append(Remark(Reason.WINDOW_ASSUMED, text))
    other = sorted({w for w in map(choice.of, known) if not shows_brain(w)})
    if other:
        listed = ", ".join(f"{center:g}/{width:g}" for center, width in other[:3])
        more = f" and {len(other) - 3} more" if len(other) > 3 else ""
        text = f"windows that are not for brain: {listed}{more}"
        found.append(Remark(Reason.NOT_BRAIN_WINDOW, text))
    return tuple(found)
