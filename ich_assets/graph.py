"""Assets, checks, asset jobs and resources: everything that needs no other job."""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

import dagster as dg

from ich_assets.checkpoints import CHECKPOINTS
from ich_assets.checks.listed import CHECKS
from ich_assets.dicom_results import dicom_results
from ich_assets.ensemble import ensemble_predictions
from ich_assets.learning.checks import TRAINING_CHECKS
from ich_assets.learning.dataset import labelled_slices
from ich_assets.learning.dataset_checks import DATASET_CHECKS
from ich_assets.learning.evaluation import evaluation
from ich_assets.learning.fold_list import folds
from ich_assets.learning.oof import oof_predictions, test_predictions
from ich_assets.learning.oof_evaluation import oof_evaluation
from ich_assets.learning.oof_table import oof_table
from ich_assets.learning.sequence import trained_sequence
from ich_assets.learning.sequence_oof import sequence_oof
from ich_assets.learning.submission import submission
from ich_assets.learning.training import trained_fold
from ich_assets.ledger import DICOM_SERIES, INBOX_LEDGER, series_ledger
from ich_assets.outputs import run_outputs
from ich_assets.predictions import BACKBONE_PREDICTIONS
from ich_assets.runtime.console import TERSE_CONSOLE, terse_console
from ich_assets.runtime.retries import CRASH_RETRIES, NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import host_tag
from ich_assets.saliency import saliency_panels
from ich_assets.sequence import sequence_predictions
from ich_assets.series import processed_series
from ich_resources.dataset.resource import DatasetResource
from ich_resources.dicom.resource import DicomResource
from ich_resources.evaluation.resource import EvaluationResource
from ich_resources.inbox.resource import InboxResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.sending.resource import SendResource
from ich_resources.sequence.resource import SequenceResource
from ich_resources.storage.resource import ResultsResource, StorageResource, TrainRootResource
from ich_resources.training.resource import TrainingResource
from ich_resources.weights.resource import WeightsResource

SERIES_ASSETS = [
    processed_series,
    *BACKBONE_PREDICTIONS,
    ensemble_predictions,
    sequence_predictions,
    saliency_panels,
    dicom_results,
]


class _AssetJob(NamedTuple):
    """A job that materialises some assets, and checks them, in one process.

    Attributes
    ----------
    name : str
        Its name.
    assets : sequence of AssetsDefinition
        What it makes.
    description : str
        As the UI shows it.
    tags : mapping of str to str
        Beside the tag of the host: whether Dagster repeats a run whose process died.
    from_a_terminal : bool
        Whether people start it there: it then prints lines of its own, not Dagster's events.
    """

    name: str
    assets: Sequence[dg.AssetsDefinition]
    description: str
    tags: Mapping[str, str] = MappingProxyType({})
    from_a_terminal: bool = False


_ASSET_JOBS = [
    _AssetJob(
        "ich_scan",
        [series_ledger],
        "Find and judge every series below the input folder, and register the partitions.",
    ),
    _AssetJob("ich_checkpoints", [*CHECKPOINTS], "Verify the checkpoints of every backbone."),
    _AssetJob(
        "ich_series",
        [*SERIES_ASSETS, run_outputs],
        "Score one series, from its DICOM files to saliency panels, and write the tables over all "
        "series.",
        tags=CRASH_RETRIES,
    ),
    _AssetJob(
        "ich_outputs",
        [run_outputs],
        "Write the CSV and JSON files over all series of the last scan.",
    ),
    _AssetJob(
        "ich_evaluate",
        [evaluation],
        "Judge the probabilities of a run root by labels. Needs no checkpoints and no GPU.",
        from_a_terminal=True,
    ),
    _AssetJob(
        "ich_evaluate_oof",
        [oof_evaluation],
        "Judge the predictions out of fold of a training by the labels of its data set.",
        from_a_terminal=True,
    ),
    _AssetJob(
        "ich_dataset",
        [labelled_slices, folds],
        "Make a data set for training: scan, images, labels, patients, five folds.",
        tags=NO_CRASH_RETRIES,
        from_a_terminal=True,
    ),
    _AssetJob(
        "ich_train_fold",
        [trained_fold, oof_predictions],
        "Train one fold of one backbone, and predict what it has held out.",
        tags=CRASH_RETRIES,
    ),
    _AssetJob(
        "ich_test_fold",
        [test_predictions],
        "Predict the test set with one trained fold of one backbone.",
        tags=CRASH_RETRIES,
    ),
    _AssetJob(
        "ich_oof_table",
        [oof_table],
        "Write the table of all predictions out of fold, and check it.",
    ),
    _AssetJob(
        "ich_submission_file",
        [submission],
        "Write the submission from the predictions of the test set.",
    ),
    _AssetJob(
        "ich_sequence_fold",
        [trained_sequence, sequence_oof],
        "Train one fold of the sequence models, and predict what it has held out.",
        tags=CRASH_RETRIES,
    ),
]

ASSET_JOBS = {
    job.name: dg.define_asset_job(
        job.name,
        selection=dg.AssetSelection.assets(*job.assets),
        executor_def=dg.in_process_executor,
        tags={**host_tag(), **job.tags},
        config=TERSE_CONSOLE["config"] if job.from_a_terminal else None,
        description=job.description,
    )
    for job in _ASSET_JOBS
}
"""Every asset job, by name."""
ich_series = ASSET_JOBS["ich_series"]

TRAINING_ASSETS = [labelled_slices, folds, trained_fold, oof_predictions, test_predictions]
TRAINING_ASSETS += [oof_table, oof_evaluation, submission, trained_sequence, sequence_oof]


ASSETS: list[dg.AssetsDefinition | dg.AssetSpec] = [
    DICOM_SERIES,
    INBOX_LEDGER,
    series_ledger,
    *CHECKPOINTS,
    *SERIES_ASSETS,
    run_outputs,
    evaluation,
    *TRAINING_ASSETS,
]
# Without a BackfillPolicy a backfill makes ordinary runs of one partition. With one, even of one
# partition a run, Dagster 1.13 gives its runs a range: checks are stored without their series.


def _definitions(assets: Sequence[dg.AssetsDefinition | dg.AssetSpec]) -> dg.Definitions:
    return dg.Definitions(
        assets=assets,
        asset_checks=[*CHECKS, *DATASET_CHECKS, *TRAINING_CHECKS],
        jobs=list(ASSET_JOBS.values()),
        loggers={"console": terse_console},
        resources={
            "inbox": InboxResource(),
            "dicom": DicomResource(),
            "networks": NetworksResource(),
            "saliency": SaliencyResource(),
            "panels": PanelsResource(),
            "storage": StorageResource(),
            "dataset": DatasetResource(),
            "training": TrainingResource(),
            "train_root": TrainRootResource(),
            "sequence": SequenceResource(),
            "results": ResultsResource(),
            "evaluation": EvaluationResource(),
            "send": SendResource(),
            "weights": WeightsResource(),
            "memory": dg.mem_io_manager,
        },
        # The default executor starts a process for every step of "Materialize" in the UI, and each
        # process loads the networks.
        executor=dg.in_process_executor,
    )


defs = _definitions(ASSETS)


@cache
def inner_defs() -> dg.Definitions:
    """Return the same definitions without pools, for runs inside another run.

    The outer run holds a place in the pool. If the run inside it took another one, a pool with two
    places would let one run run at a time.
    """
    return _definitions([_without_pool(asset) for asset in ASSETS])


def _without_pool(
    asset: dg.AssetsDefinition | dg.AssetSpec,
) -> dg.AssetsDefinition | dg.AssetSpec:
    # Private details of Dagster; tests/ich_assets/dagster_private names them.
    if isinstance(asset, dg.AssetSpec) or not asset.node_def.pools:
        return asset
    op = copy(asset.op)
    op._pool = None
    return dg.AssetsDefinition.dagster_internal_init(
        **{**asset.get_attributes_dict(), "node_def": op}
    )
