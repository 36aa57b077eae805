"""Assets, checks, asset jobs and resources: everything that needs no other job."""

import dagster as dg

from ich_assets.checkpoints import CHECKPOINTS
from ich_assets.checks import CHECKS
from ich_assets.learning.evaluation import evaluation
from ich_assets.ledger import DICOM_SERIES, INBOX_LEDGER, series_ledger
from ich_assets.outputs import run_outputs
from ich_assets.predictions import BACKBONE_PREDICTIONS, ensemble_predictions
from ich_assets.runtime.console import TERSE_CONSOLE, terse_console
from ich_assets.runtime.retries import CRASH_RETRIES
from ich_assets.runtime.run_tags import host_tag
from ich_assets.saliency import saliency_panels
from ich_assets.series import processed_series
from ich_resources.dicom.resource import DicomResource
from ich_resources.evaluation.resource import EvaluationResource
from ich_resources.inbox.resource import InboxResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.storage.resource import ResultsResource, StorageResource
from ich_resources.weights.resource import WeightsResource

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
    description="Score one series, from its DICOM files to saliency panels, and write the tables "
    "over all series.",
)

ich_outputs = dg.define_asset_job(
    "ich_outputs",
    selection=dg.AssetSelection.assets(run_outputs),
    executor_def=dg.in_process_executor,
    tags=host_tag(),
    description="Write the CSV and JSON files over all series of the last scan.",
)

ich_evaluate = dg.define_asset_job(
    "ich_evaluate",
    selection=dg.AssetSelection.assets(evaluation),
    executor_def=dg.in_process_executor,
    tags=host_tag(),
    config=TERSE_CONSOLE["config"],
    description="Judge the probabilities of a run root by labels. Needs no checkpoints and no GPU.",
)

defs = dg.Definitions(
    assets=[
        DICOM_SERIES,
        INBOX_LEDGER,
        series_ledger,
        *CHECKPOINTS,
        *SERIES_ASSETS,
        run_outputs,
        evaluation,
    ],
    asset_checks=CHECKS,
    jobs=[ich_scan, ich_checkpoints, ich_series, ich_outputs, ich_evaluate],
    loggers={"console": terse_console},
    resources={
        "inbox": InboxResource(),
        "dicom": DicomResource(),
        "networks": NetworksResource(),
        "saliency": SaliencyResource(),
        "panels": PanelsResource(),
        "storage": StorageResource(),
        "results": ResultsResource(),
        "evaluation": EvaluationResource(),
        "weights": WeightsResource(),
        "memory": dg.mem_io_manager,
    },
    # The default executor starts a process for every step of "Materialize" in the UI, and each
    # process loads the networks.
    executor=dg.in_process_executor,
)
