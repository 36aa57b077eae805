"""A scored series, and the networks behind its saliency maps: what its panels and its page show."""

from typing import TYPE_CHECKING, Any, NamedTuple

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.findings import FloatArray
from ich_resources.series import SeriesRecord
from ich_resources.series_images import SeriesImages
from ich_resources.steps import ENSEMBLE
from ich_resources.storage.probability_schemas import EnsembleContent
from ich_resources.storage.processed_schema import ProcessedContent
from ich_resources.storage.record import Record

if TYPE_CHECKING:
    from ich_resources.backbones.loaded import LoadedFold

BAR_SOURCE = "ensemble probabilities"
SEQUENCE_BAR_SOURCE = "sequence model probabilities"
"""What the bars of a panel show, as the panel and the tables name it."""


class Scored(NamedTuple):
    """A series with ensemble probabilities, float32, shape (N, 6), and the panels' threshold."""

    series: SeriesRecord
    processed: Record[ProcessedContent]
    images: SeriesImages
    ensemble: Record[EnsembleContent]
    probabilities: FloatArray
    step: str = ENSEMBLE
    threshold: float | None = None

    @property
    def slices_failed(self) -> int:
        """Slices that should have been scored and could not be."""
        return self.series.count("failed") + len(self.processed.content.failed)

    @property
    def about_slices(self) -> list[dict[str, Any]]:
        """Window, z in mm and the letters of the sides of each slice, in series order."""
        sides = {s.sop_instance_uid: s.sides for s in self.series.slices}
        return [
            {
                "window": item.window,
                "z": item.position_z,
                "sides": sides.get(item.sop_instance_uid, ""),
            }
            for item in self.processed.content.slices
        ]

    @property
    def bar_source(self) -> str:
        """What the bars show, as panels, pages and tables name it."""
        bars = BAR_SOURCE if self.step == ENSEMBLE else SEQUENCE_BAR_SOURCE
        return ("calibrated " if self.ensemble.content.calibration else "") + bars


class Loaded(NamedTuple):
    """The networks behind the maps, and the back end that runs them."""

    files: list[CheckpointFile]
    folds: "list[LoadedFold]"
    backend: str

    @property
    def weights(self) -> list[tuple[str, str]]:
        """Backbone and checkpoint file name of each."""
        return [(file.backbone, file.path.name) for file in self.files]
