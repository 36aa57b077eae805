"""run_outputs: the CSV and JSON files over all series, and the page over them."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from pydantic import Field

from ich_assets.current_records import outcome
from ich_assets.current_tables import Full, is_live, others_under_way, write_current
from ich_assets.inputs_digests import saliency_files, sizes
from ich_assets.ledger import series_ledger
from ich_assets.metadata import materialized, ranking_metadata, table_metadata
from ich_assets.resources import SERIES_RESOURCES, SeriesResources
from ich_assets.rows import table_row
from ich_assets.runtime.retries import retrying_transient_errors
from ich_assets.runtime.run_tags import REQUEST_TAG
from ich_assets.saliency import saliency_panels
from ich_assets.sequence_models import sequence_models, shown_calibration
from ich_assets.thresholds import flagging
from ich_assets.worklist import Written, about, write_worklist
from ich_resources.clock import iso_time
from ich_resources.digests import fingerprint
from ich_resources.inbox.time_index import seconds_to_result
from ich_resources.judged import digest_of
from ich_resources.series import Ledger
from ich_resources.storage import outputs
from ich_resources.storage.chain import outcome_on_disk
from ich_resources.storage.files import locked
from ich_resources.storage.flagging import Flagging
from ich_resources.storage.layout import Layout
from ich_resources.storage.ledger import left_behind, read_ledger
from ich_resources.storage.ledger_index import scanned_series
from ich_resources.storage.ledger_tables import not_scored_table
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.readme import write_readme
from ich_resources.storage.report import run_report
from ich_resources.storage.row_refresh import folder_times, stamp
from ich_resources.storage.series_tables import write_series_tables
from ich_resources.storage.shown_arrays import shown_probabilities
from ich_resources.tags import PARTITION_TAG


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
    output_required=False,
)
def run_outputs(
    context: dg.AssetExecutionContext, config: RunOutputsConfig
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Write every table over the series of the last scan: probabilities, saliency, accounting.

    Only results for the current slices are written. A series without them is listed with its
    reason. In live operation a run that the sensor requested leaves this to the last run of a
    backlog: the sensor result_tables keeps the tables over series current meanwhile.
    """
    resources = SeriesResources.of(context)
    layout = resources.storage.layout
    tags = context.run.tags
    if REQUEST_TAG in tags and others_under_way(layout, [tags.get(PARTITION_TAG, "")]):
        context.log.info("More series are due: the tables over slices follow at the end")
        return
    with retrying_transient_errors(context), locked(layout.outputs_lock):
        yield _write_all(context, resources, config)


def _write_all(
    context: dg.AssetExecutionContext, resources: SeriesResources, config: RunOutputsConfig
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    layout, began = resources.storage.layout, time.time()
    times = folder_times(layout)
    ledger = read_ledger(layout)
    outcomes = _outcomes(ledger, resources, only_these=config.only_these_options)
    shown = shown_probabilities(layout, outcomes)
    flagged_by = flagging(resources)
    per_slice = outputs.write_slice_tables(layout, outcomes, shown)
    outputs.write_saliency_tables(layout, outcomes)
    outputs.write_processed_tables(layout, outcomes, group_by=resources.dicom.group_by)
    report = run_report(
        ledger,
        outcomes,
        options=_options(resources, flagged_by),
        checkpoints=_checkpoints(resources),
        seconds={"batch": config.batch_seconds} | _to_result(layout),
        written=iso_time(began),
        left_behind=left_behind(layout, ledger),
    )
    path = outputs.write_report(layout, report)
    write_readme(layout, outcomes)
    rows = [table_row(o, shown[o.series.series_instance_uid], layout) for o in outcomes]
    if is_live(layout):
        stamped = [(stamp(times.get(row.series, 0), began), row) for row in rows]
        made = Full([] if config.only_these_options else stamped, about(report), began)
        rows = list(write_current(layout, flagged_by, full=made).rows)
    else:
        write_series_tables(layout, rows, ledger.unassigned, flagged_by)
        write_worklist(Written(rows, ledger.unassigned, about(report), flagged_by), layout)
    states = {o.series.series_instance_uid: [o.state, o.scored] for o in outcomes}
    return materialized(
        context,
        fingerprint(states),
        {
            "ranking": ranking_metadata(rows),
            "folder": dg.MetadataValue.path(str(layout.output)),
            "report": dg.MetadataValue.path(str(path)),
            "worklist": dg.MetadataValue.path(str(layout.worklist)),
            **_counts(report),
            "dagster/row_count": len(per_slice),
            "not_scored": table_metadata(not_scored_table(outcomes, ledger.unassigned)),
        },
    )


def _outcomes(
    ledger: Ledger, resources: SeriesResources, *, only_these: bool
) -> list[SeriesOutcome]:
    """Return what became of each series. A batch does not judge what came into the inbox alone."""
    layout, records = resources.storage.layout, resources.storage.records
    scanned = set(scanned_series(layout)) if only_these else set()
    return [
        outcome(series, resources)
        if series.series_instance_uid in scanned
        else outcome_on_disk(series, records)
        for series in ledger.series
    ]


def _to_result(layout: Layout) -> dict[str, Any]:
    found = seconds_to_result(layout.inbox_index, time.time())
    return {"complete_to_result": found} if found else {}


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
