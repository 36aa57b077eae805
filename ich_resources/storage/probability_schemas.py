"""The records of the steps that give probabilities: backbones, ensemble, sequence models."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ich_resources.steps import PROCESSED, Step, ensemble_digest, sequence_digest
from ich_resources.storage.content import Content, Rows, Schema, Text, made_worth
from ich_resources.storage.layout import Layout
from ich_resources.subjects import Subject
from ich_resources.worth import TrainedOn


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
    computed_by : str or None
        Library, version, processor and instruction set. Records of earlier versions have none.
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
    computed_by: Text | None = None
    slice_context: Text
    code_version: Text
    untrained: bool
    trained_on: TrainedOn | None = None
    input_size: int | None = None
    input_size_of_backbone: int | None = None
    views: Text | None = None

    @classmethod
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        return path in (layout.features(subject, step), layout.views(subject, step))

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
    def may_write(cls, layout: Layout, subject: Subject, step: str, path: Path) -> bool:
        """See ``Content``."""
        return path == layout.calibrated(subject, step)

    def needed(self, layout: Layout, subject: Subject, step: str) -> list[Path]:
        """See ``Content``."""
        return [layout.array(subject, step), self.shown(layout, subject, step)]

    def shown(self, layout: Layout, subject: Subject, step: str) -> Path:
        """Return the array whose probabilities the tables and pages show.

        Parameters
        ----------
        layout : Layout
            Paths below the run root.
        subject : Subject
            The series.
        step : str
            ``ENSEMBLE`` or ``SEQUENCE``.

        Returns
        -------
        Path
            Of the calibrated probabilities where a calibration was applied, else of the step's
            array.
        """
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

    def inputs(self, step: Step) -> tuple[str, ...]:
        """Return the processed series, whose positions count, and the chosen predictions."""
        return (PROCESSED, *self.predictions.values())

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        made_from = {name: versions[name] for name in (PROCESSED, *self.predictions.values())}
        models = [model.digest for model in self.models]
        return inputs_digest == sequence_digest(made_from, models, self.calibration)
