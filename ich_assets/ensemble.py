"""ensemble_predictions: the mean over the backbones, which every table shows."""

import time
from collections.abc import Mapping
from typing import Any

import dagster as dg

from ich_assets.metadata import (
    highest,
    highest_captions,
    highest_slices,
    inline_picture,
    made_by,
    materialized,
    probability_table,
)
from ich_assets.partitions import SERIES, series_of
from ich_assets.runtime.retries import retrying_transient_errors
from ich_assets.sequence_models import ensemble_calibration
from ich_assets.step_files import load_folds, load_images
from ich_assets.step_results import array_path, finished_meanwhile, save_array
from ich_resources.backbones.table import BACKBONES
from ich_resources.ensemble import mean_over_backbones
from ich_resources.errors import IchError
from ich_resources.findings import FloatArray
from ich_resources.inference.resource import NetworksResource
from ich_resources.judged import digest_of
from ich_resources.panels.resource import PanelsResource
from ich_resources.series_images import SeriesImages
from ich_resources.steps import BY_NAME, CODE_VERSIONS, ENSEMBLE, ensemble_digest
from ich_resources.storage.probability_schemas import EnsembleContent, PredictionsContent
from ich_resources.storage.processed_schema import ProcessedContent
from ich_resources.storage.record import Record
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject
from ich_resources.worth import BANNERS, least


@dg.asset(
    name=ENSEMBLE,
    group_name="predictions",
    partitions_def=SERIES,
    deps=list(BY_NAME[ENSEMBLE].needs),
    kinds={"numpy"},
    code_version=CODE_VERSIONS[ENSEMBLE],
)
def ensemble_predictions(
    context: dg.AssetExecutionContext,
    networks: NetworksResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Mean over backbones of each backbone's mean over folds: the probabilities of every table.

    Where a calibration is set, the tables show the mean after it; both are kept.
    """
    uid = series_of(context)
    working = storage.records.working_on(series_subject(uid), ENSEMBLE)
    with retrying_transient_errors(context), working:
        processed, images = load_images(storage, uid)
        started = time.perf_counter()
        loaded = [load_folds(storage, uid, backbone) for backbone in networks.chosen]
        records = {folds.backbone: record for record, folds in loaded}
        require_same_slices(processed, records, uid)
        calibration = ensemble_calibration(networks)
        made_from = {name: r.data_version for name, r in records.items()}
        digest = ensemble_digest(made_from, digest_of(calibration))
        taken = finished_meanwhile(context, storage, ENSEMBLE, digest)
        if taken is not None:
            return taken
        ensemble = mean_over_backbones([folds for _, folds in loaded])
        content = EnsembleContent(
            predictions={b.name: b.predictions_step for b in networks.chosen},
            untrained=any(record.content.untrained for record in records.values()),
            trained_on=least(record.content.worth for record in records.values()),
            calibration=digest_of(calibration),
            seconds=round(time.perf_counter() - started, 3),
        )
        shown = None if calibration is None else calibration.apply(ensemble)
        record = Record(digest, digest, (), content)
        save_array(storage, uid, ENSEMBLE, record, ensemble, calibrated=shown)
        ensemble = ensemble if shown is None else shown
    folds = sum(len(record.content.folds) for record in records.values())
    metadata = ensemble_metadata(ensemble, content, images, panels)
    metadata |= {"folds": folds, "path": array_path(storage, uid, ENSEMBLE)}
    return materialized(context, digest, metadata)


def ensemble_metadata(
    ensemble: FloatArray, content: EnsembleContent, images: SeriesImages, panels: PanelsResource
) -> dict[str, Any]:
    """Return what Dagster shows of the probabilities of a series.

    Parameters
    ----------
    ensemble : float32 array, shape (N, 6)
        As the tables show them.
    content : EnsembleContent
        Of the record.
    images : SeriesImages
        The slices.
    panels : PanelsResource
        Draws the small pictures.
    """
    shown = highest_slices(ensemble)
    crops = [images.crops[i] for i in shown]
    preview = panels.side_by_side(crops, highest_captions(ensemble, shown), BANNERS[content.worth])
    curves = panels.curves(ensemble, BANNERS[content.worth])
    return {
        "slices": len(ensemble),
        "probabilities": probability_table(ensemble, images.sop_instance_uids),
        "curves": inline_picture(curves, "probabilities by slice"),
        "highest_slices": inline_picture(preview, "slices with the highest P(any)"),
        **highest(ensemble),
        "backbones": ", ".join(content.predictions),
        **made_by(content),
    }


def require_same_slices(
    processed: Record[ProcessedContent],
    records: Mapping[str, Record[PredictionsContent]],
    uid: str,
) -> None:
    """Check that every backbone has scored the current version of the slices, in one context.

    Parameters
    ----------
    processed : Record
        Of the slices. Its data version is the one that was to be scored.
    records : mapping of str to Record
        Of the predictions, by name of the backbone.
    uid : str
        SeriesInstanceUID, for the error.

    Raises
    ------
    IchError
        If one has not.
    """
    contexts = {name: record.content.slice_context for name, record in records.items()}
    if len(set(contexts.values())) > 1:
        raise IchError(
            f"the backbones were scored with different values of slice_context: {contexts}",
            series=uid,
            remedy="choose backbones whose checkpoints were trained alike, or set "
            "networks.slice_context where they say nothing",
        )
    for name, record in records.items():
        if record.content.images != processed.data_version:
            step = BACKBONES[name].predictions_step
            raise IchError(
                f"{step} were made from another version of the slices",
                series=uid,
                remedy=f"materialise {step} for this partition first",
                code="STALE",
            )
