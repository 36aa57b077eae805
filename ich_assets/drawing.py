"""The panels of one series: explained, painted and written slice by slice."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ich_assets.metadata import highest_slices
from ich_assets.scored import Loaded, Scored
from ich_resources.findings import FloatArray
from ich_resources.hemorrhage import CLASSES
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.plain_text import one_line
from ich_resources.saliency.options import middle_slices
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.steps import ENSEMBLE
from ich_resources.storage.files import write_bytes
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.saliency_tables import SaliencySource, panel_name, score_row
from ich_resources.worth import BANNERS, TrainedOn, least

if TYPE_CHECKING:
    from ich_resources.panels.painting import Panel

KEPT_SIZE = 256
"""Edge of a kept saliency map in pixels."""


class Drawn(NamedTuple):
    """What was drawn of a series.

    Rows of the score table, overlays to show by index, the range of slices, what the networks are
    worth, seconds in all and of painting; each map, uint8, shape (256, 256), and the class that it
    explains.
    """

    rows: list[dict[str, Any]]
    overlays: dict[int, npt.NDArray[np.uint8]]
    wanted: range
    worth: TrainedOn
    seconds: float
    seconds_drawing: float
    maps: list[npt.NDArray[np.uint8]]
    targets: list[int]


class Drawing:
    """Explains the slices of one series, and paints and writes each panel as its map comes."""

    def __init__(
        self,
        scored: Scored,
        loaded: Loaded,
        networks: NetworksResource,
        saliency: SaliencyResource,
        panels: PanelsResource,
        storage: StorageResource,
    ) -> None:
        self._scored, self._panels = scored, panels
        uid = scored.series.series_instance_uid
        self._folder = storage.layout.series_panels(uid)
        most = saliency.max_slices_per_series
        self._wanted = middle_slices(len(scored.probabilities), most)
        context = networks.context_of(loaded.files)
        self._saliency = saliency
        self._explained = lambda: saliency.explain(
            loaded.folds, scored.images, self._wanted, context, self._targets()
        )
        self._maps: list[npt.NDArray[np.uint8]] = []
        self._explained_classes: list[int] = []
        bars = scored.bar_source
        self._source = SaliencySource(uid, saliency.mode, saliency.method, bars, loaded.weights)
        maps = [fold.trained_on for fold in loaded.folds]
        self._worth = least([scored.ensemble.content.worth, *maps])
        self._caption = {
            "series_uid": uid,
            "study_uid": scored.series.study_instance_uid,
            "slice_count": len(scored.probabilities),
            "saliency_source": saliency_source_text(saliency, loaded.weights, scored.step),
            "mode": saliency.mode,
            "method": saliency.method,
            "bar_source": bars + _incomplete(scored.slices_failed),
            "slice_context": context,
            "warning": BANNERS[self._worth],
        }
        shown = scored.probabilities[self._wanted.start : self._wanted.stop]
        self._shown = highest_slices(shown, self._wanted.start)
        self._rows: list[dict[str, Any]] = []
        self._overlays: dict[int, npt.NDArray[np.uint8]] = {}
        self._explaining = 0.0

    def draw(self) -> Drawn:
        """Write the panel of every wanted slice."""
        started = time.perf_counter()
        for name, png in self._panels.paint_all(self._each()):
            write_bytes(self._folder / name, png)
        seconds = time.perf_counter() - started
        return Drawn(
            self._rows,
            {index: self._overlays[index] for index in self._shown},
            self._wanted,
            self._worth,
            round(seconds, 3),
            round(seconds - self._explaining, 3),
            self._maps,
            self._explained_classes,
        )

    def _targets(self) -> list[int] | None:
        """Return the highest bar of each wanted slice, where the maps explain the bars."""
        if self._saliency.appearance.target != "bars":
            return None
        shown = self._scored.probabilities[self._wanted.start : self._wanted.stop]
        return [int(target) for target in shown.argmax(1)]

    def _each(self) -> "Iterator[tuple[str, Panel]]":
        """Yield the name and the content of each panel, in series order."""
        begun = time.perf_counter()
        for index, found in zip(self._wanted, self._explained(), strict=True):
            self._explaining += time.perf_counter() - begun
            sop_uid = self._scored.images.sop_instance_uids[index]
            bars, gray = self._scored.probabilities[index], self._scored.images.crops[index]
            name = panel_name(index, bars, found.score, sop_uid)
            if index in self._shown:
                strength = self._strength(bars, found.target_class)
                self._overlays[index] = self._panels.overlay(gray, found.slice_map, strength)
            self._maps.append(kept_map(found.slice_map))
            self._explained_classes.append(found.target_class)
            self._rows.append(score_row(self._source, index, sop_uid, name, bars, found))
            panel = self._panels.panel(
                gray,
                found.slice_map,
                bars,
                **self._caption,
                sop_uid=sop_uid,
                slice_index=index,
                target_class=CLASSES[found.target_class],
                score=found.score,
                clear=self._clear(index),
            )
            yield name, panel
            begun = time.perf_counter()

    def _strength(self, bars: FloatArray, target: int) -> float:
        """Return the factor of the opacity of a slice's colours."""
        by_probability = self._saliency.appearance.scale == "probability"
        return float(bars[target]) if by_probability else 1.0

    def _clear(self, index: int) -> dict[str, Any] | None:
        """Return what a panel of the preset ``clear`` says of a slice; see ``caption.Clear``."""
        if self._saliency.preset == "reference":
            return None
        return {
            "by_probability": self._saliency.appearance.scale == "probability",
            "threshold": self._scored.threshold,
            "description": one_line(self._scored.series.description),
            **self._scored.about_slices[index],
        }


def kept_map(slice_map: FloatArray) -> npt.NDArray[np.uint8]:
    """Return a saliency map as it is kept, at half its edge.

    Parameters
    ----------
    slice_map : float32 array, shape (512, 512)
        0..1.

    Returns
    -------
    uint8 array, shape (256, 256)
        255 for 1.
    """
    half = cv2.resize(slice_map, (KEPT_SIZE, KEPT_SIZE), interpolation=cv2.INTER_AREA)
    return np.rint(half * 255).clip(0, 255).astype(np.uint8)


def _incomplete(slices_failed: int) -> str:
    return f"  |  series incomplete, slices failed: {slices_failed}" if slices_failed else ""


def saliency_source_text(
    saliency: SaliencyResource, weights: list[tuple[str, str]], step: str
) -> str:
    """Return the panel's line about the networks behind the maps.

    Parameters
    ----------
    saliency : SaliencyResource
        Mode and size.
    weights : list of (str, str)
        Backbone and checkpoint file name of each.
    step : str
        The step whose probabilities the bars are.
    """
    named = ", ".join(f"{backbone} ({file.removesuffix('.pth')})" for backbone, file in weights)
    size = saliency.image_size_override
    named += f" on {size} x {size} pixels" if size else ""
    kind = "ensemble" if step == ENSEMBLE else "2D ensemble"
    return f"{kind} of {named}" if saliency.mode == "ensemble" else named
