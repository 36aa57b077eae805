"""saliency_panels: pictures that show why, one per slice."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import dagster as dg
import numpy as np
import numpy.typing as npt
import pandas as pd

from ich_assets.checkpoints import CHECKPOINTS
from ich_assets.inputs_digests import saliency_files, saliency_recipe
from ich_assets.metadata import highest_slices, inline_png
from ich_assets.partitions import SERIES
from ich_assets.predictions import load_ensemble
from ich_assets.runtime.retries import GPU_POOL, tried_again
from ich_assets.series import load_images
from ich_resources.errors import IchError
from ich_resources.findings import FloatArray, SliceSaliency
from ich_resources.hemorrhage import ANY, CLASSES
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.recipe import CODE_VERSIONS, ENSEMBLE, PROCESSED, SALIENCY
from ich_resources.saliency.options import middle_slices
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.series import SeriesImages
from ich_resources.storage.chain import consistent_records
from ich_resources.storage.files import remove, write_bytes, write_json
from ich_resources.storage.ledger import find_series
from ich_resources.storage.records import Record
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.saliency_tables import manifest_entry, panel_name, score_row
from ich_resources.storage.slice_tables import csv_bytes

if TYPE_CHECKING:
    from ich_resources.panels.painting import Panel

BAR_SOURCE = "ensemble probabilities"
"""What the bars of a panel show, as the panel and the tables name it."""


@dg.asset(
    name=SALIENCY,
    group_name="saliency",
    partitions_def=SERIES,
    deps=[PROCESSED, ENSEMBLE, *CHECKPOINTS],
    kinds={"pytorch", "matplotlib"},
    code_version=CODE_VERSIONS["saliency_panels"],
    pool=GPU_POOL,
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
    with tried_again(context), storage.records.working_on(uid, SALIENCY):
        processed, images = load_images(storage, uid)
        ensemble_record, ensemble = load_ensemble(storage, uid)
        series = find_series(storage.layout, uid)
        if ENSEMBLE not in consistent_records(series, storage.records):
            raise IchError(
                f"the {ENSEMBLE} are of other slices or predictions than those of today",
                series=uid,
                remedy=f"materialise everything up to {ENSEMBLE} for this partition first",
                code="STALE",
            )
        files = saliency_files(networks, saliency)
        needs_input_gradient = saliency.method == "input_grad"
        backend = "pytorch" if needs_input_gradient else networks.engine
        folds = networks.load(files, precision="float32", gradients=needs_input_gradient)
        untrained = ensemble_record.content["untrained"] or any(f.untrained for f in folds)
        wanted = middle_slices(len(ensemble), saliency.max_slices_per_series)
        slices_failed = series.count("failed") + len(processed.content["failed"])
        weights = [(file.backbone, file.path.name) for file in files]
        caption = {
            "series_uid": uid,
            "study_uid": series.study_instance_uid,
            "slice_count": len(ensemble),
            "saliency_source": _source(saliency, weights),
            "mode": saliency.mode,
            "method": saliency.method,
            "bar_source": BAR_SOURCE + _incomplete(slices_failed),
            "slice_context": networks.slice_context,
            "untrained": untrained,
        }
        storage.records.begin(uid, SALIENCY)
        started = time.perf_counter()
        explained = saliency.explain(folds, images, wanted, networks.slice_context)
        shown = highest_slices(ensemble[wanted.start : wanted.stop], wanted.start)
        drawn = _draw(
            zip(wanted, explained, strict=True),
            images,
            ensemble,
            shown,
            weights,
            caption,
            panels,
            folder,
        )
        seconds = round(time.perf_counter() - started, 3)
        entry = manifest_entry(
            uid,
            ensemble[wanted.start : wanted.stop],
            slices_failed=slices_failed,
            about={
                "untrained_weights": untrained,
                "slice_context": networks.slice_context,
                "saliency": saliency.model_dump(exclude={"batch_size"}),
                "saliency_checkpoints": [
                    {"backbone": f.backbone, "file": f.path.name, "sha256": f.digest} for f in files
                ],
            },
        )
        write_bytes(folder / "slice_saliency_scores.csv", csv_bytes(pd.DataFrame(drawn.rows)))
        write_json(folder / "series_prediction.json", entry)
        names = [row["saved_png"] for row in drawn.rows]
        names += ["slice_saliency_scores.csv", "series_prediction.json"]
        remove(path for path in folder.iterdir() if path.name not in names)
        recipe = saliency_recipe(processed, ensemble_record, files, networks, saliency)
        content = {
            "bars": ensemble_record.data_version,
            "entry": entry,
            "untrained": untrained,
            "device": networks.device_name(),
            "precision": "float32",
            "backend": backend,
            "seconds": seconds,
            "seconds_drawing": drawn.seconds,
        }
        paths = tuple(storage.records.relative(folder / name) for name in names)
        storage.records.finish(uid, SALIENCY, Record(recipe, recipe, paths, content))
    captions = [f"slice {i}  any {ensemble[i, ANY]:.2f}" for i in shown]
    preview = panels.side_by_side([drawn.overlays[i] for i in shown], captions, untrained)
    highest = next(row for row in drawn.rows if row["seq_idx"] == shown[0])
    return dg.MaterializeResult(
        data_version=dg.DataVersion(recipe),
        metadata={
            "panels": len(drawn.rows),
            "highest_slices": inline_png(
                preview, "saliency over the slices with the highest P(any)"
            ),
            "folder": dg.MetadataValue.path(str(folder)),
            "highest_panel": dg.MetadataValue.path(str(folder / highest["saved_png"])),
            "scores": dg.MetadataValue.path(str(folder / "slice_saliency_scores.csv")),
            "mean_score": round(float(np.mean([row["saliency_score"] for row in drawn.rows])), 5),
            "mode": saliency.mode,
            "method": saliency.method,
            "device": content["device"],
            "precision": content["precision"],
            "backend": backend,
            "untrained_weights": untrained,
            "seconds": seconds,
            "seconds_drawing": drawn.seconds,
        },
    )


class _Drawn(NamedTuple):
    """Rows of the score table, overlays to show by index, seconds of waiting for panels."""

    rows: list[dict[str, Any]]
    overlays: dict[int, npt.NDArray[np.uint8]]
    seconds: float


def _draw(
    explained: Iterable[tuple[int, SliceSaliency]],
    images: SeriesImages,
    ensemble: FloatArray,
    shown: list[int],
    weights: list[tuple[str, str]],
    caption: dict[str, Any],
    panels: PanelsResource,
    folder: Path,
) -> _Drawn:
    """Draw and write the panel of each slice as its saliency comes."""
    rows: list[dict[str, Any]] = []
    overlays: dict[int, npt.NDArray[np.uint8]] = {}
    explaining = 0.0
    started = time.perf_counter()

    def each() -> "Iterator[tuple[str, Panel]]":
        nonlocal explaining
        begun = time.perf_counter()
        for index, found in explained:
            explaining += time.perf_counter() - begun
            sop_uid, bars = images.sop_instance_uids[index], ensemble[index]
            gray = images.crops[index]
            name = panel_name(index, bars, found.score, sop_uid)
            if index in shown:
                overlays[index] = panels.overlay(gray, found.slice_map)
            rows.append(
                score_row(
                    series_uid=caption["series_uid"],
                    index=index,
                    sop_uid=sop_uid,
                    saved_png=name,
                    bars=bars,
                    bar_source=BAR_SOURCE,
                    mode=caption["mode"],
                    method=caption["method"],
                    weights=weights,
                    saliency=found,
                )
            )
            yield (
                name,
                panels.panel(
                    gray,
                    found.slice_map,
                    bars,
                    **caption,
                    sop_uid=sop_uid,
                    slice_index=index,
                    target_class=CLASSES[found.target_class],
                    score=found.score,
                ),
            )
            begun = time.perf_counter()

    for name, png in panels.paint_all(each()):
        write_bytes(folder / name, png)
    return _Drawn(rows, overlays, round(time.perf_counter() - started - explaining, 3))


def _incomplete(slices_failed: int) -> str:
    if not slices_failed:
        return ""
    return f"  |  series incomplete, slices failed: {slices_failed}"


def _source(saliency: SaliencyResource, weights: list[tuple[str, str]]) -> str:
    named = ", ".join(f"{backbone} ({file.removesuffix('.pth')})" for backbone, file in weights)
    size = saliency.image_size_override
    named += f" on {size} x {size} pixels" if size else ""
    return f"ensemble of {named}" if saliency.mode == "ensemble" else named
