"""sequence_predictions: what the sequence models make of a series, in place of the ensemble."""

import time

import dagster as dg
import numpy as np
import numpy.typing as npt

from ich_assets.ensemble import ensemble_metadata, require_same_slices
from ich_assets.inputs_digests import sequence_step_digest
from ich_assets.metadata import materialized
from ich_assets.partitions import SERIES, series_of
from ich_assets.runtime.retries import GPU_POOL, retrying_transient_errors
from ich_assets.sequence_models import SequenceModels, sequence_models, shown_calibration
from ich_assets.step_files import load_folds, load_images, load_viewed
from ich_assets.step_results import array_path, finished_meanwhile, save_array
from ich_resources.backbones.table import BACKBONES
from ich_resources.errors import DicomError
from ich_resources.findings import FloatArray, ViewedFolds
from ich_resources.hemorrhage import CLASSES
from ich_resources.inference.resource import NetworksResource
from ich_resources.judged import digest_of
from ich_resources.panels.resource import PanelsResource
from ich_resources.sequence.samples import ScoredSeries
from ich_resources.steps import BY_NAME, CODE_VERSIONS, PROCESSED, SEQUENCE
from ich_resources.storage.probability_schemas import FoldFile, SequenceContent
from ich_resources.storage.processed_schema import ProcessedContent
from ich_resources.storage.record import Record
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject
from ich_resources.worth import least


@dg.asset(
    name=SEQUENCE,
    group_name="predictions",
    partitions_def=SERIES,
    deps=list(BY_NAME[SEQUENCE].needs),
    kinds={"pytorch"},
    code_version=CODE_VERSIONS[SEQUENCE],
    pool=GPU_POOL,
)
def sequence_predictions(
    context: dg.AssetExecutionContext,
    networks: NetworksResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Probabilities of the sequence models, which see the series as a whole.

    With networks.sequence: on they take the place of the ensemble in all tables and panels.
    """
    models = sequence_models(networks)
    if models is None:
        return dg.MaterializeResult(
            data_version=dg.DataVersion("off"), metadata={"left_out": "networks.sequence is off"}
        )
    uid = series_of(context)
    working = storage.records.working_on(series_subject(uid), SEQUENCE)
    with retrying_transient_errors(context), working:
        processed, images = load_images(storage, uid)
        records = {b.name: load_folds(storage, uid, b)[0] for b in networks.chosen}
        require_same_slices(processed, records, uid)
        versions = {PROCESSED: processed.data_version}
        versions |= {BACKBONES[n].predictions_step: r.data_version for n, r in records.items()}
        digest = sequence_step_digest(versions, networks)
        taken = finished_meanwhile(context, storage, SEQUENCE, digest)
        if taken is not None:
            return taken
        started = time.perf_counter()
        viewed = [load_viewed(storage, uid, BACKBONES[n]) for n in models.abouts[0].backbones]
        probabilities = run_models(models, viewed, _positions(processed, uid), networks.device)
        calibration = shown_calibration(networks)
        content = SequenceContent(
            predictions={b.name: b.predictions_step for b in networks.chosen},
            untrained=any(record.content.untrained for record in records.values()),
            trained_on=least(
                [
                    *(record.content.worth for record in records.values()),
                    *(about.trained_on for about in models.abouts),
                ]
            ),
            calibration=digest_of(calibration),
            models=tuple(FoldFile(file=f.path.name, digest=f.digest) for f in models.files),
            device=networks.runner.device_name(),
            seconds=round(time.perf_counter() - started, 3),
        )
        shown = None if calibration is None else calibration.apply(probabilities)
        record = Record(digest, digest, (), content)
        save_array(storage, uid, SEQUENCE, record, probabilities, calibrated=shown)
        probabilities = probabilities if shown is None else shown
    metadata = ensemble_metadata(probabilities, content, images, panels)
    metadata |= {"models": len(models.files), "path": array_path(storage, uid, SEQUENCE)}
    return materialized(context, digest, metadata)


def run_models(
    models: SequenceModels,
    viewed: list[ViewedFolds],
    positions: npt.NDArray[np.float64],
    device: str,
) -> FloatArray:
    """Return the probabilities of a series.

    Parameters
    ----------
    models : SequenceModels
        The sequence models.
    viewed : list of ViewedFolds
        What each backbone gave, in the order of the models.
    positions : float64 array, shape (N,)
        Along the slice normal, in mm.
    device : str
        As ``networks.device``; the first one is taken.

    Returns
    -------
    float32 array, shape (N, 6)
        0..1.
    """
    from ich_resources.backbones.device import resolve_devices
    from ich_resources.sequence.apply import sequence_probabilities

    labels = np.full((len(positions), len(CLASSES)), np.nan, np.float32)
    seen = [
        ScoredSeries(
            tuple(one.features[fold] for one in viewed),
            np.stack([one.probabilities[fold] for one in viewed]),
            positions,
            labels,
        )
        for fold in range(len(viewed[0].features))
    ]
    networks = models.networks(str(resolve_devices(device)[0]))
    return sequence_probabilities(networks, seen, models.abouts[0].sequence_features)


def _positions(processed: Record[ProcessedContent], uid: str) -> npt.NDArray[np.float64]:
    """Return the position of each slice along the normal, in mm.

    Raises
    ------
    DicomError
        If one is not known.
    """
    positions = [item.position for item in processed.content.slices]
    if any(position is None for position in positions):
        raise DicomError(
            "the position of a slice is not known, and sequence models need distances of slices",
            series=uid,
            remedy="set networks.sequence to off for this series",
        )
    return np.array(positions, np.float64)
