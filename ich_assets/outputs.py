"""run_outputs: the CSV and JSON files over all series, and the page over them."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from ich_assets.inputs_digests import outcome, saliency_files, sizes
from ich_assets.ledger import series_ledger
from ich_assets.metadata import table_metadata
from ich_assets.resources import SERIES_RESOURCES, SeriesResources
from ich_assets.runtime.retries import retrying_transient_errors
from ich_assets.saliency import saliency_panels
from ich_assets.sequence_models import sequence_models, shown_calibration
from ich_assets.thresholds import flagging
from ich_assets.worklist import Written, write_worklist
from ich_resources.digests import fingerprint
from ich_resources.findings import FloatArray
from ich_resources.inbox.time_index import seconds_to_result
from ich_resources.judged import digest_of
from ich_resources.series import Ledger
from ich_resources.storage import outputs
from ich_resources.storage.chain import outcome_on_disk
from ich_resources.storage.files import locked
from ich_resources.storage.flagging import Flagging
from ich_resources.storage.ledger import left_behind, read_ledger
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.readme import write_readme
from ich_resources.storage.report import run_report


class RunOutputsConfig(dg.Config):
    """What a batch passes on."""

    only_these_options: bool = Field(
        default=False,
        description="Leave out results made with other checkpoints or options than this run's. "
        "Otherwise the last result of every series is written, with what made it.",
    )
    batch_seconds: float | None = None


@dg.asset(
    group_name="outputs",
    deps=[series_ledger, saliency_panels],
    kinds={"csv", "json", "html"},
    required_resource_keys=SERIES_RESOURCES,
)
def run_outputs(
    context: dg.AssetExecutionContext, config: RunOutputsConfig
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Write every table over the series of the last scan: probabilities, saliency, accounting.

    Only results for the current slices are written. A series without them is listed with its
    reason.
    """
    resources = SeriesResources.of(context)
    layout = resources.storage.layout
    with retrying_transient_errors(context), locked(layout.outputs_lock):
        ledger = read_ledger(layout)
        outcomes = _outcomes(ledger, resources, only_these=config.only_these_options)
        shown = outputs.shown_probabilities(layout, outcomes)
        flagged_by = flagging(resources)
        tables = _write_tables(ledger, outcomes, resources, shown, flagged_by)
        report = run_report(
            ledger,
            outcomes,
            options=_options(resources, flagged_by),
            checkpoints=_checkpoints(resources),
            seconds=config.batch_seconds,
            left_behind=left_behind(layout, ledger),
            to_result=seconds_to_result(layout.inbox_index, time.time()),
        )
        path = outputs.write_report(layout, report)
        write_readme(layout, outcomes)
        written = Written(ledger, outcomes, shown, report, flagged_by)
        worklist = write_worklist(written, layout)
    states = {o.series.series_instance_uid: [o.state, o.scored] for o in outcomes}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(fingerprint(states)),
        metadata={
            "folder": dg.MetadataValue.path(str(layout.output)),
            "report": dg.MetadataValue.path(str(path)),
            "worklist": dg.MetadataValue.path(str(worklist)),
            **_counts(report),
            **tables,
        },
    )


def _outcomes(
    ledger: Ledger, resources: SeriesResources, *, only_these: bool
) -> list[SeriesOutcome]:
    if only_these:
        return [outcome(series, resources) for series in ledger.series]
    return [outcome_on_disk(series, resources.storage.records) for series in ledger.series]


def _write_tables(
    ledger: Ledger,
    outcomes: Sequence[SeriesOutcome],
    resources: SeriesResources,
    shown: Mapping[str, FloatArray | None],
    flagged_by: Flagging | None,
) -> dict[str, Any]:
    """Write every table; return the first rows of some of them for Dagster's metadata."""
    layout = resources.storage.layout
    series, not_scored = outputs.write_ledger_tables(layout, ledger, outcomes)
    per_slice, per_series = outputs.write_prediction_tables(layout, outcomes, flagged_by, shown)
    outputs.write_saliency_tables(layout, outcomes)
    outputs.write_processed_tables(layout, outcomes, group_by=resources.dicom.group_by)
    ranking = per_series[["rank", "series_id", "state", "slices_scored", "max_any"]]
    return {
        "dagster/row_count": len(per_slice),
        "ranking": table_metadata(ranking),
        "series": table_metadata(series),
        "not_scored": table_metadata(not_scored),
    }


def _counts(report: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{f"series_{state}": number for state, number in report["series_by_state"].items()},
        **{f"slices_{state}": number for state, number in report["slices"].items()},
        "untrained_weights": report["untrained_weights"],
        "trained_on": str(report["trained_on"]),
    }


def _options(resources: SeriesResources, flagged_by: Flagging | None) -> dict[str, object]:
    sequence = {"sequence": "on"} if resources.networks.sequence == "on" else {}
    return sequence | {
        "on_bad_slice": resources.dicom.on_bad_slice,
        "group_by": resources.dicom.group_by,
        "window": str(resources.dicom.window_choice),
        "mend_12bit": resources.dicom.mend_12bit,
        "mend_signed": resources.dicom.mend_signed,
        "backbones": [backbone.name for backbone in resources.networks.chosen],
        "max_folds_per_backbone": resources.networks.max_folds,
        "slice_context": _context(resources),
        "calibration": digest_of(shown_calibration(resources.networks)),
        "precision": resources.networks.precision,
        "backend": resources.networks.backend,
        "device": resources.networks.device,
        "batch_size": resources.networks.batch_size,
        "saliency": resources.saliency.values | {"batch_size": resources.saliency.batch_size},
        "threshold": None if flagged_by is None else dict(flagged_by.about()),
    }


def _context(resources: SeriesResources) -> str:
    networks = resources.networks
    return networks.context_of([f for b in networks.chosen for f in networks.checkpoints(b)])


def _checkpoints(resources: SeriesResources) -> list[dict[str, Any]]:
    files = [f for b in resources.networks.chosen for f in resources.networks.checkpoints(b)]
    files += [f for f in saliency_files(resources.networks, resources.saliency) if f not in files]
    models = sequence_models(resources.networks)
    return [
        {"backbone": f.backbone, "file": f.path.name, "sha256": f.digest} | sizes(f) for f in files
    ] + [
        {"backbone": "SequenceModel", "file": f.path.name, "sha256": f.digest}
        for f in (() if models is None else models.files)
    ]
