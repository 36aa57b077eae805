"""The one Definitions object: every asset, check, job, sensor and resource."""

import dagster as dg

from ich_assets.checkpoints import CHECKPOINTS
from ich_assets.checks import CHECKS
from ich_assets.graph import SERIES_ASSETS, ich_checkpoints, ich_outputs, ich_scan, ich_series
from ich_assets.jobs.backlog import ich_backlog
from ich_assets.jobs.batch import ich_batch
from ich_assets.jobs.retire import ich_retire
from ich_assets.jobs.shards import ich_collect, ich_prepare, ich_shard
from ich_assets.jobs.weights import fetch_checkpoints, verify_checkpoints
from ich_assets.ledger import DICOM_SERIES, INBOX_LEDGER, series_ledger
from ich_assets.outputs import run_outputs
from ich_assets.runtime.console import people_console
from ich_assets.runtime.slurm.runs import slurm_runs
from ich_assets.sensors.inbox import dicom_inbox
from ich_resources.dicom.resource import DicomResource
from ich_resources.inbox.resource import InboxResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.storage.resource import StorageResource
from ich_resources.weights.resource import WeightsResource

defs = dg.Definitions(
    assets=[DICOM_SERIES, INBOX_LEDGER, series_ledger, *CHECKPOINTS, *SERIES_ASSETS, run_outputs],
    asset_checks=CHECKS,
    jobs=[
        ich_batch,
        ich_backlog,
        ich_prepare,
        ich_shard,
        ich_collect,
        ich_scan,
        ich_checkpoints,
        ich_series,
        ich_outputs,
        ich_retire,
        fetch_checkpoints,
        verify_checkpoints,
    ],
    sensors=[dicom_inbox, slurm_runs],
    loggers={"console": people_console},
    resources={
        "inbox": InboxResource(),
        "dicom": DicomResource(),
        "networks": NetworksResource(),
        "saliency": SaliencyResource(),
        "panels": PanelsResource(),
        "storage": StorageResource(),
        "weights": WeightsResource(),
        "memory": dg.mem_io_manager,
    },
    # Else "Materialize" in the UI starts a process, and loads the networks, for every step.
    executor=dg.in_process_executor,
)
