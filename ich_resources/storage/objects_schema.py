"""The record of ``dicom_results``. It names files and holds nothing of a patient."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ich_resources.steps import ENSEMBLE, PROCESSED, SALIENCY, SOURCE, Step
from ich_resources.storage.content import Content, Text
from ich_resources.storage.layout import Layout
from ich_resources.subjects import Subject


class ObjectsContent(Content):
    """The record of ``dicom_results``. Its files are the objects, in the order of their numbers.

    Attributes
    ----------
    source, images, panels, bars : str
        Data versions of the source files, the processed series, the panels, and the probabilities.
    bars_from : str or None
        The step that these are of; None means the ensemble.
    left_out : str
        What was asked for and cannot be made, and why; empty if all was made.
    """

    feeds_tables: ClassVar[bool] = False

    source: Text
    images: Text
    panels: Text
    bars: Text
    bars_from: Text | None = None
    left_out: Text = ""

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        return (layout.dicom_objects(*subject.parts),)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        return path.parent == layout.dicom_objects(*subject.parts) and path.suffix == ".dcm"

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``. The step has no array, and none of its files is read by a step."""
        return []

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        made_from = (self.source, self.images, self.panels, self.bars)
        return made_from == tuple(versions[name] for name in self._inputs)

    def inputs(self, step: Step) -> tuple[str, ...]:
        """Return the source, the processed series, the panels, and the probabilities shown."""
        return self._inputs

    @property
    def _inputs(self) -> tuple[str, ...]:
        return SOURCE, PROCESSED, SALIENCY, self.bars_from or ENSEMBLE
