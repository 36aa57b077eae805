"""saliency_panels: pictures that show why, one per slice."""

import time
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ich_assets.checkpoints import CHECKPOINTS
from ich_assets.partitions import SERIES
from ich_assets.pictures import highest_slices, inline_png
from ich_assets.predictions import load_ensemble
from ich_assets.series import load_images
from ich_assets.steps import saliency_files, saliency_recipe
from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.recipe import CODE_VERSIONS, ENSEMBLE, PROCESSED, SALIENCY
from ich_resources.saliency.options import middle_slices
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.storage.files import remove, write_bytes, write_json
from ich_resources.storage.ledger import find_series
from ich_resources.storage.records import Record
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.saliency_tables import manifest_entry, panel_name, score_row
from ich_resources.storage.slice_tables import csv_bytes

BAR_SOURCE = "ensemble probabilities"
"""What the bars of a panel show, as the panel and the tables name it."""


@dg.asset(
    name=SALIENCY,
    group_name="saliency",
    partitions_def=SERIES,
    deps=[PROCESSED, ENSEMBLE, *CHECKPOINTS],
    kinds={"pytorch", "matplotlib"},
    code_version=CODE_VERSIONS["saliency_panels"],
)
def saliency_panels(
    context: dg.AssetExecutionContext,
    networks: NetworksResource,
    saliency: SaliencyResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """One PNG per slice: the slice, the saliency over it, the six ensemble probabilities.

    Saliency says which pixels moved a logit, not where a hemorrhage is.
    """
    uid = context.partition_key
    folder = storage.layout.series_panels(uid)
    with storage.records.working_on(uid, SALIENCY):
        processed, images = load_images(storage, uid)
        ensemble_record, ensemble = load_ensemble(storage, uid)
        files = saliency_files(networks, saliency)
        folds = networks.load(files)
        untrained = ensemble_record.content["untrained"] or any(f.untrained for f in folds)
        series, _ = find_series(storage.layout, uid)
        wanted = middle_slices(len(ensemble), saliency.max_slices_per_series)
        weights = [(file.backbone, file.path.name) for file in files]
        slices_failed = series.count("failed") + len(processed.content["failed"])
        bar_source = BAR_SOURCE
        if slices_failed:
            bar_source += f"  |  series incomplete: {slices_failed} slices failed"
        source = _source(saliency.mode, weights)
        if saliency.image_size_override:
            source += f" on {saliency.image_size_override} x {saliency.image_size_override} pixels"
        storage.records.begin(uid, SALIENCY)
        started = time.perf_counter()
        rows: list[dict[str, Any]] = []
        shown = highest_slices(ensemble[wanted.start : wanted.stop], wanted.start)
        overlays: dict[int, Any] = {}
        drawing = 0.0
        explained = saliency.explain(folds, images, wanted, networks.slice_context)
        for index, found in zip(wanted, explained, strict=True):
            sop_uid, bars = images.sop_instance_uids[index], ensemble[index]
            name = panel_name(index, bars, found.score, sop_uid)
            drawing_started = time.perf_counter()
            png = panels.paint(
                images.crops[index],
                found.slice_map,
                bars,
                series_uid=uid,
                sop_uid=sop_uid,
                study_uid=series.study_instance_uid,
                slice_index=index,
                slice_count=len(ensemble),
                saliency_source=source,
                mode=saliency.mode,
                method=saliency.method,
                target_class=CLASSES[found.target_class],
                score=found.score,
                bar_source=bar_source,
                slice_context=networks.slice_context,
                untrained=untrained,
            )
            write_bytes(folder / name, png)
            if index in shown:
                overlays[index] = panels.overlay(images.crops[index], found.slice_map)
            drawing += time.perf_counter() - drawing_started
            rows.append(
                score_row(
                    series_uid=uid,
                    index=index,
                    sop_uid=sop_uid,
                    saved_png=name,
                    bars=bars,
                    bar_source=BAR_SOURCE,
                    mode=saliency.mode,
                    method=saliency.method,
                    weights=weights,
                    saliency=found,
                )
            )
        seconds = time.perf_counter() - started
        entry = manifest_entry(
            uid,
            ensemble[wanted.start : wanted.stop],
            slices_failed=slices_failed,
            about={
                "untrained_weights": untrained,
                "slice_context": networks.slice_context,
                "saliency_mode": saliency.mode,
                "saliency_method": saliency.method,
                "target_class": saliency.target_class,
                "image_size_override": saliency.image_size_override,
                "max_slices_per_series": saliency.max_slices_per_series,
                "saliency_checkpoints": [
                    {"backbone": f.backbone, "file": f.path.name, "sha256": f.digest} for f in files
                ],
            },
        )
        write_bytes(folder / "slice_saliency_scores.csv", csv_bytes(pd.DataFrame(rows)))
        write_json(folder / "series_prediction.json", entry)
        names = [row["saved_png"] for row in rows]
        names += ["slice_saliency_scores.csv", "series_prediction.json"]
        remove(path for path in folder.iterdir() if path.name not in names)
        recipe = saliency_recipe(processed, ensemble_record, files, networks, saliency)
        content = {
            "bars": ensemble_record.data_version,
            "entry": entry,
            "untrained": untrained,
            "device": networks.device_name(),
            "seconds": round(seconds, 3),
            "seconds_drawing": round(drawing, 3),
        }
        paths = tuple(storage.records.relative(folder / name) for name in names)
        storage.records.finish(uid, SALIENCY, Record(recipe, recipe, paths, content))
    captions = [f"slice {i}  any {ensemble[i, ANY]:.2f}" for i in shown]
    preview = panels.side_by_side([overlays[i] for i in shown], captions, untrained)
    highest = next(row for row in rows if row["seq_idx"] == shown[0])
    return dg.MaterializeResult(
        data_version=dg.DataVersion(recipe),
        metadata={
            "panels": len(rows),
            "folder": dg.MetadataValue.path(str(folder)),
            "highest_panel": dg.MetadataValue.path(str(folder / highest["saved_png"])),
            "highest_slices": inline_png(
                preview, "saliency over the slices with the highest P(any)"
            ),
            "mean_score": round(float(np.mean([row["saliency_score"] for row in rows])), 5),
            "mode": saliency.mode,
            "method": saliency.method,
            "device": content["device"],
            "untrained_weights": untrained,
            "seconds": content["seconds"],
            "seconds_drawing": content["seconds_drawing"],
            "scores": dg.MetadataValue.path(str(folder / "slice_saliency_scores.csv")),
        },
    )


def _source(mode: str, weights: list[tuple[str, str]]) -> str:
    named = ", ".join(f"{backbone} ({file.removesuffix('.pth')})" for backbone, file in weights)
    return f"ensemble of {named}" if mode == "ensemble" else named
