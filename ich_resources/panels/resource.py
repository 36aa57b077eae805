"""The painter of panels as a Dagster resource."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
import numpy as np
import numpy.typing as npt
from pydantic import Field

if TYPE_CHECKING:
    from ich_resources.panels.painting import Panel

T = TypeVar("T")
MOST_PROCESSES = 8
"""Largest default. The disk and one GPU cannot supply more processes with work."""


class PanelsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Draws the saliency panels and the small pictures in Dagster's metadata."""

    processes: int | None = Field(
        default=None,
        ge=0,
        description="Number of processes that paint panels; with 0 the run paints them itself. "
        "Empty: one for each core but one, at most 8, and 0 on one or two cores.",
    )

    def paint_all(self, panels: "Iterable[tuple[T, Panel]]") -> Iterator[tuple[T, bytes]]:
        """Paint saliency panels in the order of the input; see ``painting.paint_all``."""
        from ich_resources.panels.painting import paint_all

        cores = len(os.sched_getaffinity(0))
        usual = min(cores - 1, MOST_PROCESSES) if cores > 2 else 0
        return paint_all(panels, usual if self.processes is None else self.processes)

    def panel(
        self,
        gray: npt.NDArray[np.uint8],
        saliency_map: npt.NDArray[np.float32],
        probabilities: npt.NDArray[np.float32],
        **caption: Any,
    ) -> "Panel":
        """Return the content of one panel.

        Parameters
        ----------
        gray : uint8 array, shape (512, 512)
            Crop of the slice image.
        saliency_map : float32 array, shape (512, 512)
            0..1.
        probabilities : float32 array, shape (6,)
            The bars, in the order of ``CLASSES``.
        **caption
            Fields of ``caption.Caption``. ``clear`` holds the fields of ``caption.Clear``; it is
            None or left out for the preset ``reference``.
        """
        from ich_resources.panels.caption import Caption, Clear
        from ich_resources.panels.painting import Panel

        clear = caption.pop("clear", None)
        said = Caption(**caption, clear=None if clear is None else Clear(**clear))
        return Panel(gray, saliency_map, probabilities, said)

    def overlay(
        self,
        gray: npt.NDArray[np.uint8],
        saliency_map: npt.NDArray[np.float32],
        strength: float = 1.0,
    ) -> npt.NDArray[np.uint8]:
        """Return a slice with its saliency; see ``overlay.blend``.

        Parameters
        ----------
        gray : uint8 array, shape (H, W)
            Slice image.
        saliency_map : float32 array, shape (H, W)
            0..1.
        strength : float
            Factor of the opacity, 0..1.

        Returns
        -------
        uint8 array, shape (H, W, 3)
            RGB.
        """
        from ich_resources.panels.overlay import blend

        return np.rint(blend(gray, saliency_map, strength) * 255).astype(np.uint8)

    def roc(self, curves: Sequence[Sequence[Any]], **options: Any) -> bytes:
        """Return ROC curves as PNG; a curve has the fields of ``roc.RocCurve``. See there."""
        from ich_resources.panels.roc import RocCurve, draw_roc

        return draw_roc([RocCurve(*curve) for curve in curves], **options)

    def reliability(self, classes: Sequence[Sequence[Any]], **options: Any) -> bytes:
        """Return the reliability as PNG; a class has the fields of ``ReliabilityBins``."""
        from ich_resources.panels.reliability import ReliabilityBins, draw_reliability

        return draw_reliability([ReliabilityBins(*bins) for bins in classes], **options)

    def confusion(self, **options: Any) -> bytes:
        """Return tables of counts as PNG; see ``confusion.draw_confusion``."""
        from ich_resources.panels.confusion import draw_confusion

        return draw_confusion(**options)

    def curves(self, probabilities: npt.NDArray[np.float32], warning: str) -> bytes:
        """Return the probabilities along a series as a small SVG; see ``draw_probability_curves``.

        Parameters
        ----------
        probabilities : float32 array, shape (N, 6)
            0..1, slices in series order.
        warning : str
            What the numbers are not worth; empty for no banner.
        """
        from ich_resources.panels.curves import draw_probability_curves

        return draw_probability_curves(probabilities, warning)

    def side_by_side(
        self, crops: Sequence[npt.NDArray[np.uint8]], captions: Sequence[str], warning: str
    ) -> bytes:
        """Return a few slices side by side as a small WebP; see ``summary.draw_slices``.

        Parameters
        ----------
        crops : sequence of 1 to 4 uint8 arrays, shape (512, 512) or (512, 512, 3)
            Gray, or RGB with the saliency.
        captions : sequence of str
            One line of text below each crop.
        warning : str
            What the numbers are not worth; empty for no banner.
        """
        from ich_resources.panels.summary import draw_slices

        return draw_slices(crops, captions, warning)
