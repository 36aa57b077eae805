"""The record of ``saliency_panels``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ich_resources.steps import ENSEMBLE, PROCESSED, Step
from ich_resources.storage.content import Content, Rows, Schema, Text, made_worth
from ich_resources.storage.layout import SCORES, Layout
from ich_resources.subjects import Subject
from ich_resources.worth import TrainedOn


class Maps(Schema):
    """The saliency maps that are kept: the array of the step, uint8 of shape (M, 256, 256).

    Attributes
    ----------
    first : int
        Index, in the processed series, of the slice of the first map.
    targets : tuple of int
        Class that each map explains.
    """

    first: int
    targets: Rows[int]


class Pages(Schema):
    """What the pages show of a series beside its probabilities.

    Attributes
    ----------
    key_slices : tuple of int
        Indices of the slices to look at first.
    checkpoints : dict of str to tuple of float
        P(any) of each fold on the slice with the highest P(any), by the name of the backbone.
    """

    key_slices: Rows[int]
    checkpoints: dict[Text, Rows[float]]


class SaliencyContent(Content):
    """The record of ``saliency_panels``.

    Attributes
    ----------
    bars : str
        Data version of the probabilities that are the bars.
    bars_from : str or None
        The step that they are of; None means the ensemble.
    entry : dict
        The series' entry of ``run_manifest.json``.
    untrained : bool
        Whether a checkpoint is an untrained stand-in.
    trained_on : str or None
        What the networks were trained on, the least of them. Records of format 1 have none.
    device, precision, backend : str
        What made the maps. Records of the first versions have no backend.
    seconds_drawing : float
        Time spent on painting panels, in seconds; part of ``seconds``.
    maps : Maps or None
        The maps. Records up to format 2 have none.
    pages : Pages or None
        What the pages show. Records up to format 2 have none.
    """

    format: ClassVar[int] = 3
    compared_when_read: ClassVar[tuple[str, ...]] = (".png", ".npy", ".html", "/preview.json")

    bars: Text
    bars_from: Text | None = None
    entry: dict[Text, Any]
    untrained: bool
    trained_on: TrainedOn | None = None
    device: Text
    precision: Text
    backend: Text | None = None
    seconds_drawing: float | None = None
    maps: Maps | None = None
    pages: Pages | None = None

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        return (layout.series_panels(*subject.parts), layout.series_page(*subject.parts).parent)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        pages = (layout.series_page(*subject.parts), layout.preview(subject))
        return path.parent == layout.series_panels(*subject.parts) or path in pages

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        kept = [] if self.maps is None else [layout.array(subject, step)]
        return [layout.series_panels(*subject.parts) / SCORES, *kept]

    @property
    def worth(self) -> TrainedOn:
        """See ``Content``."""
        return made_worth(self.untrained, self.trained_on)

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.bars == versions[self.shown_step]

    def inputs(self, step: Step) -> tuple[str, ...]:
        """Return the processed series and the probabilities that are the bars."""
        return (PROCESSED, self.shown_step)

    @property
    def shown_step(self) -> str:
        """The step whose probabilities are the bars."""
        return self.bars_from or ENSEMBLE
