"""How a step ends: with its arrays and record, or with what another process has made."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy.typing as npt

from ich_assets.partitions import series_of
from ich_resources.findings import FloatArray, ViewedFolds
from ich_resources.storage.arrays import write_array
from ich_resources.storage.content import Content
from ich_resources.storage.files import remove
from ich_resources.storage.record import Record
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject


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
