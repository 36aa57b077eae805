"""Fold-averaged predictions of each backbone, and the ensemble's."""

import time
from typing import Any

import dagster as dg
import numpy as np

from ich_assets.checkpoints import checkpoints_key
from ich_assets.inputs_digests import predictions_recipe
from ich_assets.metadata import highest, highest_slices, inline_png, probability_table
from ich_assets.partitions import SERIES
from ich_assets.runtime.retries import GPU_POOL, tried_again
from ich_assets.series import load_images
from ich_resources.backbones.table import BACKBONES, Backbone
from ich_resources.ensemble import mean_over_backbones, mean_over_folds
from ich_resources.errors import IchError, InferenceError
from ich_resources.findings import FloatArray, FoldProbabilities
from ich_resources.hemorrhage import ANY
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.recipe import CODE_VERSIONS, ENSEMBLE, PROCESSED, ensemble_recipe
from ich_resources.storage.files import read_array, write_array
from ich_resources.storage.records import Record
from ich_resources.storage.resource import StorageResource


def _predictions_asset(backbone: Backbone) -> dg.AssetsDefinition:
    step = backbone.predictions_step

    @dg.asset(
        name=step,
        group_name="predictions",
        partitions_def=SERIES,
        deps=[PROCESSED, checkpoints_key(backbone)],
        kinds={"pytorch"},
        tags={"backbone": backbone.asset},
        code_version=CODE_VERSIONS["predictions"],
        pool=GPU_POOL,
        description=f"Probabilities of {backbone.name}, sigmoid(logit), for every slice and class: "
        "each fold's, and their mean.",
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
        uid = context.partition_key
        with tried_again(context), storage.records.working_on(uid, step):
            processed, images = load_images(storage, uid)
            files = networks.checkpoints(backbone)
            folds = networks.load(files)
            started = time.perf_counter()
            result = networks.predict(folds, images)
            seconds = time.perf_counter() - started
            untrained = any(fold.untrained for fold in folds)
            device = networks.device_name()
            content: dict[str, Any] = {
                "backbone": backbone.name,
                "images": processed.data_version,
                "folds": [{"file": f.path.name, "digest": f.digest} for f in files],
                "device": device,
                "precision": networks.precision,
                "backend": networks.engine,
                "slice_context": networks.slice_context,
                "code_version": CODE_VERSIONS["predictions"],
                "untrained": untrained,
                "seconds": round(seconds, 3),
            }
            recipe = predictions_recipe(processed, files, networks)
            _save(storage, uid, step, recipe, result.probabilities, content)
        mean = mean_over_folds(result)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(recipe),
            metadata={
                "slices": len(mean),
                "folds": len(folds),
                "probabilities": probability_table(mean, list(images.sop_instance_uids)),
                "curves": inline_png(panels.curves(mean, untrained), backbone.name),
                **highest(mean),
                "fold_spread_any": round(float(np.ptp(result.probabilities[..., ANY], 0).max()), 6),
                "device": device,
                "precision": networks.precision,
                "backend": networks.engine,
                "slice_context": networks.slice_context,
                "untrained_weights": untrained,
                "seconds": round(seconds, 3),
                "slices_per_second": round(len(mean) * len(folds) / seconds, 2),
                "path": dg.MetadataValue.path(str(storage.layout.array(uid, step))),
            },
        )

    return predictions


BACKBONE_PREDICTIONS = [_predictions_asset(backbone) for backbone in BACKBONES.values()]


@dg.asset(
    name=ENSEMBLE,
    group_name="predictions",
    partitions_def=SERIES,
    deps=BACKBONE_PREDICTIONS,
    kinds={"numpy"},
    code_version=CODE_VERSIONS["ensemble_predictions"],
)
def ensemble_predictions(
    context: dg.AssetExecutionContext,
    networks: NetworksResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Mean over backbones of each backbone's mean over folds: the probabilities people use."""
    uid = context.partition_key
    with tried_again(context), storage.records.working_on(uid, ENSEMBLE):
        processed, images = load_images(storage, uid)
        started = time.perf_counter()
        records, folds = {}, []
        for backbone in networks.chosen:
            record, result = load_folds(storage, uid, backbone)
            _require_of(processed, record, backbone.predictions_step, uid)
            records[backbone.name] = record
            folds.append(result)
        ensemble = mean_over_backbones(folds)
        untrained = any(record.content["untrained"] for record in records.values())
        recipe = ensemble_recipe({name: r.data_version for name, r in records.items()})
        content: dict[str, Any] = {
            "predictions": {b.name: b.predictions_step for b in networks.chosen},
            "untrained": untrained,
            "seconds": round(time.perf_counter() - started, 3),
        }
        _save(storage, uid, ENSEMBLE, recipe, ensemble, content)
    shown = highest_slices(ensemble)
    captions = [f"slice {i}  any {ensemble[i, ANY]:.2f}" for i in shown]
    preview = panels.side_by_side([images.crops[i] for i in shown], captions, untrained)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(recipe),
        metadata={
            "slices": len(ensemble),
            "probabilities": probability_table(ensemble, list(images.sop_instance_uids)),
            "curves": inline_png(panels.curves(ensemble, untrained), "probabilities by slice"),
            "highest_slices": inline_png(preview, "slices with the highest P(any)"),
            **highest(ensemble),
            "backbones": ", ".join(records),
            "folds": sum(len(record.content["folds"]) for record in records.values()),
            "untrained_weights": untrained,
            "seconds": content["seconds"],
            "path": dg.MetadataValue.path(str(storage.layout.array(uid, ENSEMBLE))),
        },
    )


def _require_of(processed: Record, predictions: Record, step: str, uid: str) -> None:
    if predictions.content["images"] != processed.data_version:
        raise IchError(
            f"the {step} are of other slices than those of today",
            series=uid,
            remedy=f"materialise {step} for this partition first",
            code="STALE",
        )


def load_ensemble(storage: StorageResource, uid: str) -> tuple[Record, FloatArray]:
    """Return the record and the probabilities, (N, 6), of the ensemble.

    Raises
    ------
    InferenceError
        If the ensemble has not scored the series.
    """
    return _read(storage, uid, ENSEMBLE)


def load_folds(
    storage: StorageResource, uid: str, backbone: Backbone
) -> tuple[Record, FoldProbabilities]:
    """Return the record and the fold probabilities of one backbone.

    Raises
    ------
    InferenceError
        If the backbone has not scored the series.
    """
    record, values = _read(storage, uid, backbone.predictions_step)
    names = tuple(fold["file"] for fold in record.content["folds"])
    return record, FoldProbabilities(backbone.name, names, values)


def _read(storage: StorageResource, uid: str, step: str) -> tuple[Record, FloatArray]:
    record = storage.records.find(uid, step)
    remedy = f"materialise {step} for this partition first"
    if record is None:
        raise InferenceError(f"there are no {step}", series=uid, remedy=remedy)
    return record, read_array(storage.layout.array(uid, step), remedy=remedy)


def _save(
    storage: StorageResource,
    uid: str,
    step: str,
    recipe: str,
    values: FloatArray,
    content: dict[str, Any],
) -> None:
    path = storage.layout.array(uid, step)
    storage.records.begin(uid, step)
    write_array(path, values)
    name = storage.records.relative(path)
    storage.records.finish(uid, step, Record(recipe, recipe, (name,), content))
