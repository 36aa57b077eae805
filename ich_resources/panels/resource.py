"""Door of the panels room."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ich_resources.panels.panel import PanelPainter


class PanelsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Draws the pictures people look at."""

    def paint(
        self,
        gray: npt.NDArray[np.uint8],
        saliency_map: npt.NDArray[np.float32],
        probabilities: npt.NDArray[np.float32],
        **caption: Any,
    ) -> bytes:
        """Return one saliency panel as PNG; ``caption`` as in ``panel.Caption``."""
        from ich_resources.panels.panel import Caption

        return _painter().paint(gray, saliency_map, probabilities, Caption(**caption))

    def overlay(
        self, gray: npt.NDArray[np.uint8], saliency_map: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.uint8]:
        """Return a slice under its saliency, uint8 RGB, (512, 512, 3); see ``overlay.blend``."""
        from ich_resources.panels.overlay import blend

        return np.rint(blend(gray, saliency_map) * 255).astype(np.uint8)

    def curves(self, probabilities: npt.NDArray[np.float32], untrained: bool) -> bytes:
        """Return the probabilities along the series as a small PNG."""
        from ich_resources.panels.summary import draw_probability_curves

        return draw_probability_curves(probabilities, untrained)

    def side_by_side(
        self, crops: Sequence[npt.NDArray[np.uint8]], captions: Sequence[str], untrained: bool
    ) -> bytes:
        """Return a few slices side by side as a small PNG."""
        from ich_resources.panels.summary import draw_slices

        return draw_slices(crops, captions, untrained)


@cache
def _painter() -> "PanelPainter":
    """Lay the figure out once per process: that costs ten times as much as one panel."""
    from ich_resources.panels.panel import PanelPainter

    return PanelPainter()
