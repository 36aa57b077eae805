"""The predictions of each backbone: those of each fold."""

import time
from typing import Any

import dagster as dg
import numpy as np

from ich_assets.checkpoints import checkpoints_key
from ich_assets.inputs_digests import predictions_digest
from ich_assets.metadata import inline_picture, made_by, materialized, probability_table
from ich_assets.partitions import SERIES, series_of
from ich_assets.runtime.retries import GPU_POOL, retrying_transient_errors
from ich_assets.sequence_models import sequence_models
from ich_assets.step_files import load_images
from ich_assets.step_results import array_path, finished_meanwhile, save_array
from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.table import BACKBONES, Backbone
from ich_resources.ensemble import mean_over_folds
from ich_resources.findings import FoldProbabilities, ViewedFolds
from ich_resources.hemorrhage import ANY
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.series_images import SeriesImages
from ich_resources.steps import BY_NAME, CODE_VERSIONS, PREDICTIONS, SALIENCY
from ich_resources.storage.ledger import find_series
from ich_resources.storage.probability_schemas import FoldFile, PredictionsContent
from ich_resources.storage.processed_schema import ProcessedContent
from ich_resources.storage.record import Record
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject
from ich_resources.worth import BANNERS, least


def _predictions_asset(backbone: Backbone) -> dg.AssetsDefinition:
    step = backbone.predictions_step

    @dg.asset(
        name=step,
        group_name="predictions",
        partitions_def=SERIES,
        deps=[*BY_NAME[step].needs, checkpoints_key(backbone)],
        kinds={"pytorch"},
        tags={"backbone": backbone.asset},
        code_version=CODE_VERSIONS[PREDICTIONS],
        pool=GPU_POOL,
        description=f"Probabilities of {backbone.name}, sigmoid(logit), for every slice and class: "
        "those of each fold, and their mean.",
    )
    def predictions(
        context: dg.AssetExecutionContext,
        networks: NetworksResource,
        panels: PanelsResource,
        storage: StorageResource,
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        if backbone not in networks.chosen:
            return dg.MaterializeResult(
                data_version=dg.DataVersion("not chosen"),
                metadata={"left_out": f"{backbone.name} is not among the chosen backbones"},
            )
        uid = series_of(context)
        working = storage.records.working_on(series_subject(uid), step)
        with retrying_transient_errors(context), working:
            processed, images = load_images(storage, uid)
            digest = predictions_digest(
                processed.data_version, networks.checkpoints(backbone), networks
            )
            taken = finished_meanwhile(context, storage, step, digest)
            if taken is not None:
                return taken
            study = find_series(storage.layout, uid).study_instance_uid
            record, folds, viewed = _predict(
                backbone, networks, processed, images, study, keep=_saliency_follows(context)
            )
            save_array(storage, uid, step, record, folds.probabilities, viewed=viewed)
        metadata = _fold_metadata(folds, record.content, images, panels)
        metadata["path"] = array_path(storage, uid, step)
        return materialized(context, record.data_version, metadata)

    return predictions


BACKBONE_PREDICTIONS = [_predictions_asset(backbone) for backbone in BACKBONES.values()]


def _saliency_follows(context: dg.AssetExecutionContext) -> bool:
    selected = context.run.asset_selection
    return selected is None or dg.AssetKey(SALIENCY) in selected


def _predict(
    backbone: Backbone,
    networks: NetworksResource,
    processed: Record[ProcessedContent],
    images: SeriesImages,
    study: str,
    *,
    keep: bool,
) -> tuple[Record[PredictionsContent], FoldProbabilities, ViewedFolds | None]:
    """Score every slice with every fold; keep the features of the first fold if asked.

    Returns
    -------
    record : Record
        To be written.
    probabilities : FoldProbabilities
        As the ensemble takes them.
    viewed : ViewedFolds or None
        As sequence models take them; None where they are off.
    """
    files, models = networks.checkpoints(backbone), sequence_models(networks)
    loaded = networks.runner.load(files)
    started = time.perf_counter()
    viewed: ViewedFolds | None = None
    if models is None:
        folds = networks.runner.predict(loaded, images, keep_features=keep)
    else:
        folds, viewed = networks.runner.predict_with_views(loaded, images, models.views)
    seconds = round(time.perf_counter() - started, 3)
    content = PredictionsContent(
        backbone=backbone.name,
        images=processed.data_version,
        folds=tuple(_fold_file(f, study) for f in files),
        device=networks.runner.device_name(),
        precision=networks.precision,
        backend=networks.runner.engine,
        computed_by=networks.runner.computed_by,
        slice_context=networks.context_of(files),
        code_version=CODE_VERSIONS[PREDICTIONS],
        untrained=any(fold.untrained for fold in loaded),
        trained_on=least(fold.trained_on for fold in loaded),
        input_size=files[0].input_size,
        input_size_of_backbone=backbone.input_size,
        seconds=seconds,
    )
    if models is not None:
        content = content.model_copy(update={"views": models.views_name})
    digest = predictions_digest(processed.data_version, files, networks)
    return Record(digest, digest, (), content), folds, viewed


def _fold_file(file: CheckpointFile, study: str) -> FoldFile:
    seen = None if file.trained is None else file.trained.was_trained_on(study)
    return FoldFile(file=file.path.name, digest=file.digest, trained_on_study=seen)


def _fold_metadata(
    folds: FoldProbabilities,
    content: PredictionsContent,
    images: SeriesImages,
    panels: PanelsResource,
) -> dict[str, Any]:
    mean, passes = mean_over_folds(folds), len(folds.probabilities) * len(images.crops)
    curves = panels.curves(mean, BANNERS[content.worth])
    return {
        "slices": len(mean),
        "folds": len(content.folds),
        "probabilities": probability_table(mean),
        "curves": inline_picture(curves, content.backbone),
        "max_any": round(float(mean[:, ANY].max()), 6),
        "fold_spread_any": round(float(np.ptp(folds.probabilities[..., ANY], 0).max()), 6),
        **made_by(content),
        "slices_per_second": round(passes / max(content.seconds, 1e-3), 2),
    }
