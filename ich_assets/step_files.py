"""The arrays and records that the steps of a series write and read."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import numpy as np
import numpy.typing as npt

from ich_assets.partitions import series_of
from ich_resources.backbones.table import Backbone
from ich_resources.errors import DicomError, InferenceError
from ich_resources.findings import FloatArray, FoldProbabilities, ViewedFolds
from ich_resources.series import SeriesImages
from ich_resources.steps import ENSEMBLE, PROCESSED, SEQUENCE
from ich_resources.storage.content import Content
from ich_resources.storage.files import read_array, remove, write_array
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


def save_array(
    storage: StorageResource,
    uid: str,
    step: str,
    record: Record[Content],
    values: FloatArray,
    *,
    calibrated: FloatArray | None = None,
    viewed: ViewedFolds | None = None,
) -> None:
    """Write the array of a step, and then its record.

    Parameters
    ----------
    storage : StorageResource
        The run root.
    uid : str
        SeriesInstanceUID.
    step : str
        Name of the step.
    record : Record
        Without its files.
    values : float32 array
        The array.
    calibrated : float32 array, optional
        Its values after a calibration. Those of an earlier result are removed.
    viewed : ViewedFolds, optional
        What the sequence models see, likewise.

    Raises
    ------
    StorageError
        If one of the two cannot be written.
    """
    subject = series_subject(uid)
    path = storage.layout.array(subject, step)
    storage.records.begin(subject, step)
    layout = storage.layout
    beside: Mapping[Path, npt.NDArray[Any] | None] = {
        layout.calibrated(subject, step): calibrated,
        layout.views(subject, step): None if viewed is None else viewed.probabilities,
        layout.features(subject, step): None if viewed is None else viewed.features,
    }
    written = {path: values, **{name: a for name, a in beside.items() if a is not None}}
    for name, array in written.items():
        write_array(name, array)
    remove(beside.keys() - written.keys())
    files = tuple(map(storage.records.relative, written))
    storage.records.finish(subject, step, replace(record, files=files))


def finished_meanwhile(
    context: dg.AssetExecutionContext, storage: StorageResource, step: str, inputs_digest: str
) -> dg.MaterializeResult | None:  # type: ignore[type-arg]
    """Return the result that another process has made of a step since this run began.

    Called under the lock of the series. A result that is older is made again, as its run asks.

    Parameters
    ----------
    context : dagster.AssetExecutionContext
        Of the step.
    storage : StorageResource
        The run root.
    step : str
        Name of the step.
    inputs_digest : str
        That of the result that this run would make.

    Returns
    -------
    dagster.MaterializeResult or None
        None where the step has to run.
    """
    subject = series_subject(series_of(context))
    if not storage.layout.record(subject, step).exists():
        return None
    run = context.instance.get_run_record_by_id(context.run.run_id)
    if run is None or run.start_time is None:
        return None
    record = storage.records.finished_since(subject, step, run.start_time)
    if record is None or record.inputs_digest != inputs_digest:
        return None
    context.log.info(f"{step}: another process has finished it meanwhile; its result is taken")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(record.data_version),
        metadata={
            "found_in": dg.MetadataValue.path(str(storage.layout.record(subject, step))),
            "seconds": record.content.seconds,
        },
    )


def array_path(storage: StorageResource, uid: str, step: str) -> dg.PathMetadataValue:
    """Return the path of a step's array for Dagster's metadata.

    Parameters
    ----------
    storage : StorageResource
        The run root.
    uid : str
        SeriesInstanceUID.
    step : str
        A step of series, such as ``ENSEMBLE``.
    """
    return dg.MetadataValue.path(str(storage.layout.array(series_subject(uid), step)))
