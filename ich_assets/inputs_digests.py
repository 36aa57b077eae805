"""The steps of one series, what each depends on, and which results still hold."""

from typing import Any, NamedTuple

from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.table import BACKBONES
from ich_resources.dicom.resource import DicomResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.recipe import (
    CODE_VERSIONS,
    ENSEMBLE,
    PROCESSED,
    SALIENCY,
    ensemble_recipe,
    fingerprint,
)
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.series import SeriesRecord
from ich_resources.storage.outcome import SeriesOutcome, judge_outcome
from ich_resources.storage.records import Record
from ich_resources.storage.resource import StorageResource


class Rooms(NamedTuple):
    """The resources that a series' results come from."""

    dicom: DicomResource
    networks: NetworksResource
    saliency: SaliencyResource
    panels: PanelsResource
    storage: StorageResource


def processed_recipe(series: SeriesRecord) -> str:
    """Fingerprint of what the slice images depend on."""
    return fingerprint(
        {
            "code": CODE_VERSIONS["processed_series"],
            "series": series.version,
        }
    )


def predictions_recipe(
    processed: Record, files: list[CheckpointFile], networks: NetworksResource
) -> str:
    """Fingerprint of what a backbone's probabilities depend on.

    Device and batch size change them by rounding only; they are recorded, and force no new run.
    """
    return fingerprint(
        {
            "code": CODE_VERSIONS["predictions"],
            "images": processed.data_version,
            "checkpoints": [file.digest for file in files],
            "slice_context": networks.slice_context,
            "precision": networks.precision,
        }
    )


def saliency_files(networks: NetworksResource, saliency: SaliencyResource) -> list[CheckpointFile]:
    """Return the checkpoints behind the maps: the first fold of each backbone, or the one."""
    options = saliency.options
    if options.mode == "single":
        return [networks.checkpoint(BACKBONES[options.single_backbone], options.single_fold)]
    return [networks.checkpoint(backbone, 0) for backbone in networks.chosen]


def saliency_recipe(
    processed: Record,
    ensemble: Record,
    files: list[CheckpointFile],
    networks: NetworksResource,
    saliency: SaliencyResource,
) -> str:
    """Fingerprint of what the panels depend on."""
    options: dict[str, Any] = saliency.model_dump(exclude={"batch_size"})
    if saliency.mode == "ensemble":
        options = {k: v for k, v in options.items() if not k.startswith("single_")}
    return fingerprint(
        {
            "code": CODE_VERSIONS["saliency_panels"],
            "images": processed.data_version,
            "bars": ensemble.data_version,
            "checkpoints": [file.digest for file in files],
            "slice_context": networks.slice_context,
            "options": options,
        }
    )


def all_steps(networks: NetworksResource) -> list[str]:
    """Return the steps of a series in order, for the chosen backbones."""
    return [PROCESSED, *[b.predictions_step for b in networks.chosen], ENSEMBLE, SALIENCY]


def current_records(series: SeriesRecord, rooms: Rooms) -> dict[str, Record]:
    """Return the results of a series that hold for these slices, weights and options."""
    uid, records, found = series.series_instance_uid, rooms.storage.records, {}

    def keep(step: str, recipe: str) -> Record | None:
        record = records.find(uid, step)
        if record is None or record.recipe != recipe:
            return None
        found[step] = record
        return record

    processed = keep(PROCESSED, processed_recipe(series))
    if processed is None:
        return found
    failed = series.count("failed") + len(processed.content["failed"])
    if failed and rooms.dicom.on_bad_slice == "fail":
        return {}
    predictions = {}
    for backbone in rooms.networks.chosen:
        files = rooms.networks.checkpoints(backbone)
        recipe = predictions_recipe(processed, files, rooms.networks)
        record = keep(backbone.predictions_step, recipe)
        if record is not None:
            predictions[backbone.name] = record.data_version
    if len(predictions) < len(rooms.networks.chosen):
        return found
    ensemble = keep(ENSEMBLE, ensemble_recipe(predictions))
    if ensemble is not None:
        files = saliency_files(rooms.networks, rooms.saliency)
        recipe = saliency_recipe(processed, ensemble, files, rooms.networks, rooms.saliency)
        keep(SALIENCY, recipe)
    return found


def outcome(series: SeriesRecord, rooms: Rooms) -> SeriesOutcome:
    """Say what became of a series of the ledger, with the weights and options of today."""
    uid = series.series_instance_uid
    records = current_records(series, rooms) if series.to_be_scored else {}
    return judge_outcome(series, records, rooms.storage.records.failure(uid))
