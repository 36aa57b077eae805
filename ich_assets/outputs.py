"""run_outputs: the CSV and JSON files people take away."""

import dagster as dg
from pydantic import Field

from ich_assets.inputs_digests import Rooms, outcome, saliency_files
from ich_assets.ledger import series_ledger, table_metadata
from ich_assets.runtime.retries import tried_again
from ich_assets.saliency import saliency_panels
from ich_resources.dicom.resource import DicomResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.recipe import fingerprint
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.storage import outputs
from ich_resources.storage.chain import consistent_records
from ich_resources.storage.files import locked
from ich_resources.storage.ledger import left_behind, read_ledger
from ich_resources.storage.outcome import judge_outcome
from ich_resources.storage.report import run_report
from ich_resources.storage.resource import StorageResource


class RunOutputsConfig(dg.Config):
    """What only the batch knows."""

    only_these_options: bool = Field(
        default=False,
        description="Leave out results made with other weights or options than this run's. "
        "Else every series' last result is written, with what made it.",
    )
    batch_seconds: float | None = None


@dg.asset(
    group_name="outputs",
    deps=[series_ledger, saliency_panels],
    kinds={"csv", "json"},
)
def run_outputs(
    context: dg.AssetExecutionContext,
    config: RunOutputsConfig,
    dicom: DicomResource,
    networks: NetworksResource,
    saliency: SaliencyResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Write every table over the series of the last scan: probabilities, saliency, accounting.

    Only results for the slices of today are written; a series without them is listed with its
    reason.
    """
    rooms = Rooms(dicom, networks, saliency, panels, storage)
    layout = storage.layout
    with tried_again(context), locked(layout.outputs_lock):
        ledger = read_ledger(layout)
        outcomes = [
            outcome(series, rooms)
            if config.only_these_options
            else judge_outcome(
                series,
                consistent_records(series, storage.records),
                storage.records.failure(series.series_instance_uid),
            )
            for series in ledger.series
        ]
        series_table, not_scored = outputs.write_ledger_tables(layout, ledger, outcomes)
        per_slice, per_series = outputs.write_prediction_tables(layout, outcomes)
        outputs.write_saliency_tables(layout, outcomes)
        outputs.write_processed_tables(layout, outcomes, group_by=dicom.group_by)
        report = run_report(
            ledger,
            outcomes,
            options=_options(rooms),
            checkpoints=_checkpoints(rooms),
            seconds=config.batch_seconds,
            left_behind=left_behind(layout, ledger),
        )
        path = outputs.write_report(layout, report)
    states = report["series_by_state"]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(
            fingerprint({o.series.series_instance_uid: [o.state, o.scored] for o in outcomes})
        ),
        metadata={
            "folder": dg.MetadataValue.path(str(layout.output)),
            "report": dg.MetadataValue.path(str(path)),
            **{f"series_{state}": number for state, number in states.items()},
            **{f"slices_{state}": number for state, number in report["slices"].items()},
            "untrained_weights": report["untrained_weights"],
            "dagster/row_count": len(per_slice),
            "ranking": table_metadata(
                per_series[["rank", "series_id", "state", "slices_scored", "max_any"]]
            ),
            "series": table_metadata(series_table),
            "not_scored": table_metadata(not_scored),
        },
    )


def _options(rooms: Rooms) -> dict[str, object]:
    return {
        "on_bad_slice": rooms.dicom.on_bad_slice,
        "group_by": rooms.dicom.group_by,
        "backbones": [backbone.name for backbone in rooms.networks.chosen],
        "max_folds_per_backbone": rooms.networks.max_folds,
        "slice_context": rooms.networks.slice_context,
        "precision": rooms.networks.precision,
        "backend": rooms.networks.backend,
        "device": rooms.networks.device,
        "batch_size": rooms.networks.batch_size,
        "saliency": rooms.saliency.model_dump(),
    }


def _checkpoints(rooms: Rooms) -> list[dict[str, str]]:
    files = [f for b in rooms.networks.chosen for f in rooms.networks.checkpoints(b)]
    files += [f for f in saliency_files(rooms.networks, rooms.saliency) if f not in files]
    return [{"backbone": f.backbone, "file": f.path.name, "sha256": f.digest} for f in files]
