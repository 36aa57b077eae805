"""The arrays and records that the steps of a series write and read."""

from typing import TypeVar

import numpy as np

from ich_resources.backbones.table import Backbone
from ich_resources.errors import DicomError, InferenceError
from ich_resources.findings import FloatArray, FoldProbabilities, ViewedFolds
from ich_resources.series_images import SeriesImages
from ich_resources.steps import ENSEMBLE, PROCESSED, SEQUENCE
from ich_resources.storage.arrays import read_array
from ich_resources.storage.content import Content
from ich_resources.storage.probability_schemas import (
    EnsembleContent,
    PredictionsContent,
    SequenceContent,
)
from ich_resources.storage.processed_schema import ProcessedContent
from ich_resources.storage.record import Record
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject

_C = TypeVar("_C", bound=Content)


def load_images(
    storage: StorageResource, uid: str
) -> tuple[Record[ProcessedContent], SeriesImages]:
    """Return the record and the crops of a processed series.

    Parameters
    ----------
    storage : StorageResource
        The run root.
    uid : str
        SeriesInstanceUID.

    Raises
    ------
    DicomError
        If there is no valid record of it.
    StorageError
        If the array cannot be read.
    """
    subject = series_subject(uid)
    record = storage.records.find_as(subject, PROCESSED, ProcessedContent)
    remedy = f"materialise {PROCESSED} for this partition first"
    if record is None:
        raise DicomError("the series has not been processed", series=uid, remedy=remedy)
    path = storage.layout.array(subject, PROCESSED)
    sha256 = record.sha256(storage.records.relative(path))
    crops = read_array(path, remedy=remedy, mapped=True, sha256=sha256)
    return record, SeriesImages(tuple(s.sop_instance_uid for s in record.content.slices), crops)


def load_ensemble(storage: StorageResource, uid: str) -> tuple[Record[EnsembleContent], FloatArray]:
    """Return the record and the probabilities of the ensemble, before a calibration.

    Parameters
    ----------
    storage : StorageResource
        The run root.
    uid : str
        SeriesInstanceUID.

    Returns
    -------
    record : Record
        Of the ensemble.
    probabilities : float32 array, shape (N, 6)
        Slices in series order.

    Raises
    ------
    InferenceError
        If the ensemble has not scored the series.
    StorageError
        If the array cannot be read.
    """
    return _read(storage, uid, ENSEMBLE, EnsembleContent)


def load_folds(
    storage: StorageResource, uid: str, backbone: Backbone
) -> tuple[Record[PredictionsContent], FoldProbabilities]:
    """Return the record and the fold probabilities of one backbone.

    Parameters
    ----------
    storage : StorageResource
        The run root.
    uid : str
        SeriesInstanceUID.
    backbone : Backbone
        Whose predictions.

    Raises
    ------
    InferenceError
        If the backbone has not scored the series.
    StorageError
        If the array cannot be read.
    """
    record, values = _read(storage, uid, backbone.predictions_step, PredictionsContent)
    names = tuple(fold.file for fold in record.content.folds)
    return record, FoldProbabilities(backbone.name, names, values)


def load_viewed(storage: StorageResource, uid: str, backbone: Backbone) -> ViewedFolds:
    """Return what the sequence models see of one backbone.

    Parameters
    ----------
    storage : StorageResource
        The run root.
    uid : str
        SeriesInstanceUID.
    backbone : Backbone
        Whose predictions. They were made with ``networks.sequence`` on.

    Raises
    ------
    InferenceError
        If the backbone has not scored the series, or without features.
    StorageError
        If an array cannot be read.
    """
    step, subject = backbone.predictions_step, series_subject(uid)
    record = storage.records.find_as(subject, step, PredictionsContent)
    remedy = f"materialise {step} for this partition with networks.sequence: on first"
    if record is None or record.content.views is None:
        raise InferenceError(f"there are no {step} with features", series=uid, remedy=remedy)
    paths = (storage.layout.views(subject, step), storage.layout.features(subject, step))
    probabilities, features = (
        read_array(path, remedy=remedy, sha256=record.sha256(storage.records.relative(path)))
        for path in paths
    )
    return ViewedFolds(probabilities, features.astype(np.float16, copy=False))


def _read(
    storage: StorageResource, uid: str, step: str, schema: type[_C]
) -> tuple[Record[_C], FloatArray]:
    subject = series_subject(uid)
    record = storage.records.find_as(subject, step, schema)
    remedy = f"materialise {step} for this partition first"
    if record is None:
        raise InferenceError(f"there are no {step}", series=uid, remedy=remedy)
    path = storage.layout.array(subject, step)
    sha256 = record.sha256(storage.records.relative(path))
    return record, read_array(path, remedy=remedy, sha256=sha256)


def load_shown(
    storage: StorageResource, uid: str, *, step: str = ENSEMBLE
) -> tuple[Record[EnsembleContent], FloatArray]:
    """Return the record of the ensemble and the probabilities that the tables show.

    They are the calibrated ones where a calibration was applied; see ``load_ensemble``.

    Parameters
    ----------
    storage : StorageResource
        The run root.
    uid : str
        SeriesInstanceUID.
    step : str
        ``ENSEMBLE``, or ``SEQUENCE`` for the sequence models in its place.

    Returns
    -------
    record : Record
        Of the ensemble or of the sequence models.
    probabilities : float32 array, shape (N, 6)
        Slices in series order.

    Raises
    ------
    InferenceError
        If they have not scored the series.
    StorageError
        If the array cannot be read.
    """
    record: Record[EnsembleContent]
    schema = SequenceContent if step == SEQUENCE else EnsembleContent
    record, values = _read(storage, uid, step, schema)
    if record.content.calibration is None:
        return record, values
    path = record.content.shown(storage.layout, series_subject(uid), step)
    remedy = f"materialise {step} for this partition first"
    sha256 = record.sha256(storage.records.relative(path))
    return record, read_array(path, remedy=remedy, sha256=sha256)
