"""What the record of each step holds: one schema per step, with a format number.

The number is raised when a field changes its meaning, comes or goes. A record without a number has
format 1. A record that does not fit its schema is not valid, and its step runs again.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, PlainValidator, Strict

from ich_resources.steps import (
    ENSEMBLE,
    PREDICTIONS,
    PROCESSED,
    SALIENCY,
    SOURCE,
    Step,
    ensemble_digest,
)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


Text = Annotated[str, PlainValidator(_text)]
"""A string that may hold lone surrogates, as a file name that is not UTF-8 does."""
_T = TypeVar("_T")
Rows = Annotated[tuple[_T, ...], Strict(False)]
"""A list in JSON."""


class _Schema(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Content(_Schema):
    """What every record holds.

    Attributes
    ----------
    seconds : float
        Time that the step took, in seconds.
    """

    format: ClassVar[int] = 1

    seconds: float

    @property
    def made_untrained(self) -> bool:
        """Whether weights without any training took part."""
        return False

    @property
    def worth_repeating(self) -> bool:
        """Whether the step is tried again in the next run although its result holds."""
        return False

    def inputs(self, step: Step) -> tuple[str, ...]:
        """Return the steps, or the source, that this result was made from."""
        return step.needs

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """Return whether the result was made from these versions of its inputs.

        Parameters
        ----------
        versions : mapping of str to str
            Data version of each of ``inputs``.
        inputs_digest : str
            That of the record.
        """
        raise NotImplementedError


class ProcessedSlice(_Schema):
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


class FailedSlice(_Schema):
    """A slice whose pixels could not be decoded: reason code and sentence."""

    path: Text
    sop_instance_uid: Text
    code: Text
    reason: Text


class PixelRemark(_Schema):
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

    series_version: Text
    slices: Rows[ProcessedSlice]
    failed: Rows[FailedSlice]
    remarks: Rows[PixelRemark] = ()

    @property
    def worth_repeating(self) -> bool:
        """A slice that failed may decode the next time."""
        return bool(self.failed)

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.series_version == versions[SOURCE]


class FoldFile(_Schema):
    """A checkpoint: its file name and the SHA-256 of the file."""

    file: Text
    digest: Text


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
    untrained : bool
        Whether a checkpoint is an untrained stand-in.
    """

    backbone: Text
    images: Text
    folds: Rows[FoldFile]
    device: Text
    precision: Text
    backend: Text | None = None
    slice_context: Text
    code_version: Text
    untrained: bool

    @property
    def made_untrained(self) -> bool:
        """See ``Content``."""
        return self.untrained

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.images == versions[PROCESSED]


class EnsembleContent(Content):
    """The record of ``ensemble_predictions``.

    Attributes
    ----------
    predictions : dict of str to str
        The step of each backbone, by the backbone's name.
    untrained : bool
        Whether a checkpoint is an untrained stand-in.
    """

    predictions: dict[Text, Text]
    untrained: bool

    @property
    def made_untrained(self) -> bool:
        """See ``Content``."""
        return self.untrained

    def inputs(self, step: Step) -> tuple[str, ...]:
        """Return the predictions of those backbones that were chosen."""
        return tuple(self.predictions.values())

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        made_from = {name: versions[step] for name, step in self.predictions.items()}
        return inputs_digest == ensemble_digest(made_from)


class SaliencyContent(Content):
    """The record of ``saliency_panels``.

    Attributes
    ----------
    bars : str
        Data version of the ensemble, whose probabilities are the bars.
    entry : dict
        The series' entry of ``run_manifest.json``.
    untrained : bool
        Whether a checkpoint is an untrained stand-in.
    device, precision, backend : str
        What made the maps. Records of the first versions have no backend.
    seconds_drawing : float
        Time spent on painting panels, in seconds; part of ``seconds``.
    """

    bars: Text
    entry: dict[Text, Any]
    untrained: bool
    device: Text
    precision: Text
    backend: Text | None = None
    seconds_drawing: float | None = None

    @property
    def made_untrained(self) -> bool:
        """See ``Content``."""
        return self.untrained

    def was_made_from(self, versions: Mapping[str, str], inputs_digest: str) -> bool:
        """See ``Content``."""
        return self.bars == versions[ENSEMBLE]


SCHEMAS: Mapping[str, type[Content]] = {
    PROCESSED: ProcessedContent,
    PREDICTIONS: PredictionsContent,
    ENSEMBLE: EnsembleContent,
    SALIENCY: SaliencyContent,
}
"""The schema of each step, by ``Step.code``."""
