"""saliency_panels: one picture per slice that shows which pixels moved the logit."""

from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ich_assets.checkpoints import CHECKPOINTS
from ich_assets.drawing import Drawing, Drawn
from ich_assets.inputs_digests import saliency_digest, saliency_files, sizes
from ich_assets.metadata import highest_captions, inline_picture, made_by, materialized
from ich_assets.pages import write_pages
from ich_assets.partitions import SERIES, series_of
from ich_assets.runtime.retries import GPU_POOL, retrying_transient_errors
from ich_assets.scored import Loaded, Scored
from ich_assets.step_files import load_images, load_shown
from ich_assets.step_results import finished_meanwhile
from ich_assets.thresholds import panel_threshold
from ich_resources.errors import IchError
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.steps import BY_NAME, CODE_VERSIONS, ENSEMBLE, PROCESSED, SALIENCY, shown_step
from ich_resources.storage.arrays import write_array
from ich_resources.storage.chain import made_together
from ich_resources.storage.files import remove, write_bytes, write_json
from ich_resources.storage.layout import SCORES
from ich_resources.storage.ledger import find_series
from ich_resources.storage.record import Record
from ich_resources.storage.resource import ResultsResource, StorageResource
from ich_resources.storage.saliency_schema import Maps, Pages, SaliencyContent
from ich_resources.storage.saliency_tables import manifest_entry
from ich_resources.storage.slice_tables import csv_bytes
from ich_resources.subjects import series_subject
from ich_resources.worth import BANNERS

ENTRY = "series_prediction.json"


@dg.asset(
    name=SALIENCY,
    group_name="saliency",
    partitions_def=SERIES,
    deps=[*BY_NAME[SALIENCY].needs, *CHECKPOINTS],
    kinds={"pytorch", "matplotlib"},
    code_version=CODE_VERSIONS[SALIENCY],
    pool=GPU_POOL,
)
def saliency_panels(
    context: dg.AssetExecutionContext,
    networks: NetworksResource,
    saliency: SaliencyResource,
    panels: PanelsResource,
    storage: StorageResource,
    results: ResultsResource,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """One PNG per slice: the slice, the saliency over it, the six ensemble probabilities.

    Saliency shows which pixels moved a logit. It does not show where a hemorrhage is.
    """
    uid = series_of(context)
    subject = series_subject(uid)
    with retrying_transient_errors(context), storage.records.working_on(subject, SALIENCY):
        scored = _scored(storage, uid, shown_step(sequence=networks.sequence == "on"))
        scored = scored._replace(threshold=panel_threshold(saliency, results, networks))
        taken = finished_meanwhile(context, storage, SALIENCY, _digest(scored, networks, saliency))
        if taken is not None:
            return taken
        loaded = _load(networks, saliency)
        storage.records.begin(subject, SALIENCY)
        drawn = Drawing(scored, loaded, networks, saliency, panels, storage).draw()
        pages = write_pages(scored, drawn, saliency, storage)
        record = _write(scored, loaded, drawn, networks, saliency, storage, pages)
    metadata = _metadata(scored, drawn, record.content, panels, storage)
    metadata |= {"mode": saliency.mode, "method": saliency.method}
    return materialized(context, record.data_version, metadata)


def _scored(storage: StorageResource, uid: str, shown: str) -> Scored:
    """Read what the panels show, and check that it belongs to the current slices.

    Raises
    ------
    IchError
        If it does not.
    """
    processed, images = load_images(storage, uid)
    ensemble, probabilities = load_shown(storage, uid, step=shown)
    series = find_series(storage.layout, uid)
    if shown not in made_together(series, storage.records):
        raise IchError(
            f"{shown} were made from another version of the slices or predictions",
            series=uid,
            remedy=f"materialise everything up to {shown} for this partition first",
            code="STALE",
        )
    return Scored(series, processed, images, ensemble, probabilities, shown)


def _digest(scored: Scored, networks: NetworksResource, saliency: SaliencyResource) -> str:
    versions = {PROCESSED: scored.processed.data_version, scored.step: scored.ensemble.data_version}
    files = saliency_files(networks, saliency)
    return saliency_digest(versions, files, networks, saliency, scored.threshold)


def _load(networks: NetworksResource, saliency: SaliencyResource) -> Loaded:
    files = saliency_files(networks, saliency)
    needs_input_gradient = saliency.method == "input_grad"
    backend = "pytorch" if needs_input_gradient else networks.runner.engine
    folds = networks.runner.load(files, precision="float32", gradients=needs_input_gradient)
    return Loaded(files, folds, backend)


def _write(
    scored: Scored,
    loaded: Loaded,
    drawn: Drawn,
    networks: NetworksResource,
    saliency: SaliencyResource,
    storage: StorageResource,
    pages: Pages,
) -> Record[SaliencyContent]:
    """Write the tables of a series, remove panels of earlier runs, and write the record."""
    uid = scored.series.series_instance_uid
    folder, records = storage.layout.series_panels(uid), storage.records
    entry = _entry(scored, loaded, drawn, networks, saliency)
    write_bytes(folder / SCORES, csv_bytes(pd.DataFrame(drawn.rows)))
    write_json(folder / ENTRY, entry)
    maps = storage.layout.array(series_subject(uid), SALIENCY)
    write_array(maps, np.stack(drawn.maps))
    names = [*(row["saved_png"] for row in drawn.rows), SCORES, ENTRY]
    remove(path for path in folder.iterdir() if path.name not in names)
    content = SaliencyContent(
        bars=scored.ensemble.data_version,
        entry=entry,
        untrained=drawn.worth == "nothing",
        trained_on=drawn.worth,
        device=networks.runner.device_name(),
        precision="float32",
        backend=loaded.backend,
        seconds=drawn.seconds,
        seconds_drawing=drawn.seconds_drawing,
        maps=Maps(first=drawn.wanted.start, targets=tuple(drawn.targets)),
        pages=pages,
    )
    if scored.step != ENSEMBLE:
        content = content.model_copy(update={"bars_from": scored.step})
    digest = _digest(scored, networks, saliency)
    beside = (maps, storage.layout.series_page(uid), storage.layout.preview(series_subject(uid)))
    files = tuple(records.relative(path) for path in (*(folder / name for name in names), *beside))
    record = Record(digest, digest, files, content)
    records.finish(series_subject(uid), SALIENCY, record)
    return record


def _entry(
    scored: Scored,
    loaded: Loaded,
    drawn: Drawn,
    networks: NetworksResource,
    saliency: SaliencyResource,
) -> dict[str, Any]:
    """Return the entry of a series in ``run_manifest.json``."""
    return manifest_entry(
        scored.series.series_instance_uid,
        scored.probabilities[drawn.wanted.start : drawn.wanted.stop],
        slices_failed=scored.slices_failed,
        about={
            "untrained_weights": drawn.worth == "nothing",
            "trained_on": drawn.worth,
            "slice_context": networks.context_of(loaded.files),
            "calibration": scored.ensemble.content.calibration,
            "saliency": saliency.values,
            "saliency_checkpoints": [
                {"backbone": f.backbone, "file": f.path.name, "sha256": f.digest} | sizes(f)
                for f in loaded.files
            ],
        },
    )


def _metadata(
    scored: Scored,
    drawn: Drawn,
    content: SaliencyContent,
    panels: PanelsResource,
    storage: StorageResource,
) -> dict[str, Any]:
    folder = storage.layout.series_panels(scored.series.series_instance_uid)
    shown = list(drawn.overlays)
    captions = highest_captions(scored.probabilities, shown)
    preview = panels.side_by_side(list(drawn.overlays.values()), captions, BANNERS[content.worth])
    highest = next(row for row in drawn.rows if row["seq_idx"] == shown[0])
    scores = [row["saliency_score"] for row in drawn.rows]
    return {
        "panels": len(drawn.rows),
        "highest_slices": inline_picture(
            preview, "saliency over the slices with the highest P(any)"
        ),
        "folder": dg.MetadataValue.path(str(folder)),
        "highest_panel": dg.MetadataValue.path(str(folder / highest["saved_png"])),
        "scores": dg.MetadataValue.path(str(folder / SCORES)),
        "mean_score": round(float(np.mean(scores)), 5),
        **made_by(content),
        "seconds_drawing": content.seconds_drawing,
    }
