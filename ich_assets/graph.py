"""Assets, checks, asset jobs and resources: everything that needs no other job."""

import dagster as dg

from ich_assets.checkpoints import CHECKPOINTS
from ich_assets.checks import CHECKS
from ich_assets.learning.checks import TRAINING_CHECKS
from ich_assets.learning.dataset import labelled_slices
from ich_assets.learning.dataset_checks import DATASET_CHECKS
from ich_assets.learning.evaluation import evaluation
from ich_assets.learning.fold_list import folds
from ich_assets.learning.oof import oof_predictions, oof_table, test_predictions
from ich_assets.learning.oof_evaluation import oof_evaluation
from ich_assets.learning.sequence import sequence_oof, trained_sequence
from ich_assets.learning.submission import submission
from ich_assets.learning.training import trained_fold
from ich_assets.ledger import DICOM_SERIES, INBOX_LEDGER, series_ledger
from ich_assets.outputs import run_outputs
from ich_assets.predictions import BACKBONE_PREDICTIONS, ensemble_predictions
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

ich_evaluate_oof = dg.define_asset_job(
    "ich_evaluate_oof",
    selection=dg.AssetSelection.assets(oof_evaluation),
    executor_def=dg.in_process_executor,
    tags=host_tag(),
    config=TERSE_CONSOLE["config"],
    description="Judge the predictions out of fold of a training by the labels of its data set.",
)

ich_dataset = dg.define_asset_job(
    "ich_dataset",
    selection=dg.AssetSelection.assets(labelled_slices, folds),
    executor_def=dg.in_process_executor,
    tags={**host_tag(), **NO_CRASH_RETRIES},
    config=TERSE_CONSOLE["config"],
    description="Make a data set for training: scan, images, labels, patients, five folds.",
)

ich_train_fold = dg.define_asset_job(
    "ich_train_fold",
    selection=dg.AssetSelection.assets(trained_fold, oof_predictions),
    executor_def=dg.in_process_executor,
    tags={**host_tag(), **CRASH_RETRIES},
    description="Train one fold of one backbone, and predict what it has held out.",
)

ich_test_fold = dg.define_asset_job(
    "ich_test_fold",
    selection=dg.AssetSelection.assets(test_predictions),
    executor_def=dg.in_process_executor,
    tags={**host_tag(), **CRASH_RETRIES},
    description="Predict the test set with one trained fold of one backbone.",
)

ich_oof_table = dg.define_asset_job(
    "ich_oof_table",
    selection=dg.AssetSelection.assets(oof_table),
    executor_def=dg.in_process_executor,
    tags=host_tag(),
    description="Write the table of all predictions out of fold, and check it.",
)

ich_submission_file = dg.define_asset_job(
    "ich_submission_file",
    selection=dg.AssetSelection.assets(submission),
    executor_def=dg.in_process_executor,
    tags=host_tag(),
    description="Write the submission from the predictions of the test set.",
)

ich_sequence_fold = dg.define_asset_job(
    "ich_sequence_fold",
    selection=dg.AssetSelection.assets(trained_sequence, sequence_oof),
    executor_def=dg.in_process_executor,
    tags={**host_tag(), **CRASH_RETRIES},
    description="Train one fold of the sequence models, and predict what it has held out.",
)

TRAINING_ASSETS = [labelled_slices, folds, trained_fold, oof_predictions, test_predictions]
TRAINING_ASSETS += [oof_table, oof_evaluation, submission, trained_sequence, sequence_oof]
TRAINING_JOBS = [ich_train_fold, ich_test_fold, ich_oof_table, ich_submission_file]
TRAINING_JOBS += [ich_sequence_fold]

defs = dg.Definitions(
    assets=[
        DICOM_SERIES,
        INBOX_LEDGER,
        series_ledger,
        *CHECKPOINTS,
        *SERIES_ASSETS,
        run_outputs,
        evaluation,
        *TRAINING_ASSETS,
    ],
    asset_checks=[*CHECKS, *DATASET_CHECKS, *TRAINING_CHECKS],
    jobs=[
        ich_scan,
        ich_checkpoints,
        ich_series,
        ich_outputs,
        ich_evaluate,
        ich_evaluate_oof,
        *TRAINING_JOBS,
        ich_dataset,
    ],
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
        "weights": WeightsResource(),
        "memory": dg.mem_io_manager,
    },
    # The default executor starts a process for every step of "Materialize" in the UI, and each
    # process loads the networks.
    executor=dg.in_process_executor,
)
