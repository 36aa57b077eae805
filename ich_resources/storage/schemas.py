"""What the record of each step holds: one schema per step, with a format number.

The number is raised when a field changes its meaning, comes or goes. A record without a number has
format 1. A record that does not fit its schema is not valid, and its step runs again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Strict

from ich_resources.steps import (
    BY_NAME,
    ENSEMBLE,
    PREDICTIONS,
    PROCESSED,
    SALIENCY,
    SEQUENCE,
    SOURCE,
    Step,
    ensemble_digest,
    sequence_digest,
)
from ich_resources.storage.content import Content, Rows, Schema, Text, made_worth
from ich_resources.storage.dataset_schemas import DATASET_SCHEMAS
from ich_resources.storage.layout import SCORES, Layout
from ich_resources.storage.sequence_schemas import SEQUENCE_SCHEMAS
from ich_resources.storage.training_schemas import TRAINING_SCHEMAS
from ich_resources.subjects import Subject
from ich_resources.worth import TrainedOn


class ProcessedSlice(Schema):
    """A slice whose pixels were decoded.

    Attributes
    ----------
    position, position_z : float or None
        Along the slice normal, and along z, in mm.
    window : (float, float)
        Center and width in HU.
    """

    sop_instance_uid: Text
    path: Text
    position: float | None
    position_z: float | None
    window: Annotated[tuple[float, float], Strict(False)]


class FailedSlice(Schema):
    """A slice whose pixels could not be decoded: reason code and sentence."""

    path: Text
    sop_instance_uid: Text
    code: Text
    reason: Text


class PixelRemark(Schema):
    """A remark on a series that its pixels gave: reason code and sentence."""

    code: Text
    reason: Text


class ProcessedContent(Content):
    """The record of ``processed_series``.

    Attributes
    ----------
    series_version : str
        ``SeriesRecord.version`` of the files.
    slices : tuple of ProcessedSlice
        In the order of the array.
    failed : tuple of FailedSlice
        Slices that are missing from the array.
    remarks : tuple of PixelRemark
        What the pixels say about the series. Records of format 1 have none.
    """

    format: ClassVar[int] = 2
    feeds_tables: ClassVar[bool] = False

    series_version: Text
    slices: Rows[ProcessedSlice]
    failed: Rows[FailedSlice]
    remarks: Rows[PixelRemark] = ()

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        return (layout.slice_png("x").parent,)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, path: Path) -> bool:
        """See ``Content``."""
        return path.parent == layout.slice_png("x").parent and path.suffix == ".png"

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        images = [layout.slice_png(item.sop_instance_uid) for item in self.slices]
        return [layout.array(subject, step), *images]

    @property
    def worth_repeating(self) -> bool:
        """A slice that failed may decode the next time."""
        return bool(self.failed)

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.series_version == versions[SOURCE]


class FoldFile(Schema):
    """A checkpoint: its file name and the SHA-256 of the file.

    Attributes
    ----------
    trained_on_study : bool or None
        Whether the network was trained on the study of the series. None where the checkpoint does
        not list its studies, and in records of format 1.
    """

    file: Text
    digest: Text
    trained_on_study: bool | None = None


class PredictionsContent(Content):
    """The record of a backbone's predictions.

    Attributes
    ----------
    backbone : str
        Its name.
    images : str
        Data version of the processed series.
    folds : tuple of FoldFile
        In the order of the array, float32 of shape (F, N, 6).
    device, precision, backend, slice_context, code_version : str
        What made the numbers. Records of the first versions have no backend.
    input_size, input_size_of_backbone : int or None
        Edge of the network input in pixels, and the one that the table of backbones names. Records
        of format 1 have neither.
    untrained : bool
        Whether a checkpoint is an untrained stand-in.
    trained_on : str or None
        What the networks were trained on, the least of them. Records of format 1 have none.
    views : str or None
        The views behind features and mean probabilities, which are arrays of their own; None where
        no sequence model needs them.
    """

    format: ClassVar[int] = 2

    backbone: Text
    images: Text
    folds: Rows[FoldFile]
    device: Text
    precision: Text
    backend: Text | None = None
    slice_context: Text
    code_version: Text
    untrained: bool
    trained_on: TrainedOn | None = None
    input_size: int | None = None
    input_size_of_backbone: int | None = None
    views: Text | None = None

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, path: Path) -> bool:
        """See ``Content``."""
        steps = (step.name for step in BY_NAME.values() if step.code == PREDICTIONS)
        kept = (place(subject, step) for step in steps for place in (layout.features, layout.views))
        return path in kept

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        kept = [layout.features(subject, step), layout.views(subject, step)]
        return [layout.array(subject, step), *(kept if self.views is not None else [])]

    @property
    def worth(self) -> TrainedOn:
        """See ``Content``."""
        return made_worth(self.untrained, self.trained_on)

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.images == versions[PROCESSED]


class EnsembleContent(Content):
    """The record of ``ensemble_predictions``.

    Attributes
    ----------
    predictions : dict of str to str
        The step of each backbone, by the backbone's name.
    calibration : str or None
        ``judged.Calibration.sha256``, where one was applied. The calibrated probabilities are an
        array of their own; that of the step holds them uncalibrated.
    untrained : bool
        Whether a checkpoint is an untrained stand-in.
    trained_on : str or None
        What the networks were trained on, the least of them. Records of format 1 have none.
    """

    format: ClassVar[int] = 2

    predictions: dict[Text, Text]
    untrained: bool
    trained_on: TrainedOn | None = None
    calibration: Text | None = None

    @property
    def worth(self) -> TrainedOn:
        """See ``Content``."""
        return made_worth(self.untrained, self.trained_on)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, path: Path) -> bool:
        """See ``Content``."""
        return path == layout.calibrated(subject, ENSEMBLE)

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        return [layout.array(subject, step), self.shown(layout, subject, step)]

    def shown(self, layout: Layout, subject: Subject, step: str) -> Path:
        """Return the array whose probabilities the tables and pages show."""
        if self.calibration is None:
            return layout.array(subject, step)
        return layout.calibrated(subject, step)

    def inputs(self, step: Step) -> tuple[str, ...]:
        """Return the predictions of those backbones that were chosen."""
        return tuple(self.predictions.values())

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        made_from = {name: versions[step] for name, step in self.predictions.items()}
        return inputs_digest == ensemble_digest(made_from, self.calibration)


class SequenceContent(EnsembleContent):
    """The record of ``sequence_predictions``: as the ensemble's, and the models.

    Attributes
    ----------
    models : tuple of FoldFile
        The sequence checkpoints, in order.
    device : str
        What made the numbers.
    """

    models: Rows[FoldFile]
    device: Text

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, path: Path) -> bool:
        """See ``Content``."""
        return path == layout.calibrated(subject, SEQUENCE)

    def inputs(self, step: Step) -> tuple[str, ...]:
        """Return the processed series, whose positions count, and the chosen predictions."""
        return (PROCESSED, *self.predictions.values())

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        made_from = {name: versions[name] for name in (PROCESSED, *self.predictions.values())}
        models = [model.digest for model in self.models]
        return inputs_digest == sequence_digest(made_from, models, self.calibration)


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
    """

    format: ClassVar[int] = 2

    bars: Text
    bars_from: Text | None = None
    entry: dict[Text, Any]
    untrained: bool
    trained_on: TrainedOn | None = None
    device: Text
    precision: Text
    backend: Text | None = None
    seconds_drawing: float | None = None

    @classmethod
    def folders(cls, layout: Layout, subject: Subject) -> tuple[Path, ...]:
        """See ``Content``."""
        return (layout.series_panels(*subject.parts),)

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, path: Path) -> bool:
        """See ``Content``."""
        return path.parent == layout.series_panels(*subject.parts)

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        return [layout.series_panels(*subject.parts) / SCORES]

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


SCHEMAS: Mapping[str, type[Content]] = {
    PROCESSED: ProcessedContent,
    PREDICTIONS: PredictionsContent,
    ENSEMBLE: EnsembleContent,
    SEQUENCE: SequenceContent,
    SALIENCY: SaliencyContent,
    **DATASET_SCHEMAS,
    **TRAINING_SCHEMAS,
    **SEQUENCE_SCHEMAS,
}
"""The schema of each step, by ``Step.code``."""


def schema_of(step: str) -> type[Content]:
    """Return the schema of a step by the name of the step."""
    return SCHEMAS[BY_NAME[step].code]
