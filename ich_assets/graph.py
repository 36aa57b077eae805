"""Jobs: one series, and a whole folder with one command."""

import dagster as dg

from ich_assets.checkpoints import CHECKPOINTS
from ich_assets.ledger import series_ledger
from ich_assets.outputs import run_outputs
from ich_assets.predictions import BACKBONE_PREDICTIONS, ensemble_predictions
from ich_assets.runtime.retries import CRASH_RETRIES
from ich_assets.runtime.run_tags import host_tag
from ich_assets.saliency import saliency_panels
from ich_assets.series import processed_series

SERIES_ASSETS = [
    processed_series,
    *BACKBONE_PREDICTIONS,
    ensemble_predictions,
    saliency_panels,
]

ich_scan = dg.define_asset_job(
    "ich_scan",
    selection=dg.AssetSelection.assets(series_ledger),
    executor_def=dg.in_process_executor,
    tags=host_tag(),
    description="Find and judge every series below the input folder, and register the partitions.",
)

ich_checkpoints = dg.define_asset_job(
    "ich_checkpoints",
    selection=dg.AssetSelection.assets(*CHECKPOINTS),
    executor_def=dg.in_process_executor,
    tags=host_tag(),
    description="Verify the checkpoints of every backbone.",
)

ich_series = dg.define_asset_job(
    "ich_series",
    selection=dg.AssetSelection.assets(*SERIES_ASSETS, run_outputs),
    executor_def=dg.in_process_executor,
    tags={**host_tag(), **CRASH_RETRIES},
    description="One series, from its DICOM files to saliency panels, and the tables over all.",
)

ich_outputs = dg.define_asset_job(
    "ich_outputs",
    selection=dg.AssetSelection.assets(run_outputs),
    executor_def=dg.in_process_executor,
    tags=host_tag(),
    description="Write the CSV and JSON files over all series of the last scan.",
)
