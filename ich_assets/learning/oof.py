"""oof_predictions and test_predictions: what the network of each fold predicts."""

import dagster as dg
from pydantic import Field

from ich_assets.learning.fold_predictions import predict_fold
from ich_assets.learning.progress import naming_train_root
from ich_assets.learning.resources import LEARNING_RESOURCES, LearningResources
from ich_assets.runtime.retries import GPU_POOL, retrying_transient_errors
from ich_assets.training_partitions import BACKBONE_AND_FOLD, backbone_and_fold
from ich_resources.steps import BY_NAME, CODE_VERSIONS, OOF_PREDICTIONS, TEST_PREDICTIONS
from ich_resources.storage.training_layout import fold_subject
from ich_resources.storage.training_schemas import Kind


class PredictionsConfig(dg.Config):
    """What is written beside the arrays."""

    feature_files: bool = Field(
        default=False,
        description="Write the feature of each slice as a file of its own, too, as the reference "
        "does (npy_train, npy_test). The RSNA data give millions of them.",
    )


def _predictions_asset(step: str, kind: Kind, description: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=step,
        group_name="training",
        partitions_def=BACKBONE_AND_FOLD,
        deps=list(BY_NAME[step].needs),
        kinds={"pytorch"},
        code_version=CODE_VERSIONS[step],
        pool=GPU_POOL,
        required_resource_keys=LEARNING_RESOURCES,
        description=description,
    )
    def predictions(
        context: dg.AssetExecutionContext, config: PredictionsConfig
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        records = LearningResources.of(context).train_root.records
        subject = fold_subject(*backbone_and_fold(context.partition_key))
        with (
            retrying_transient_errors(context),
            naming_train_root(),
            records.working_on(subject, step),
        ):
            return predict_fold(context, kind, feature_files=config.feature_files)

    return predictions


oof_predictions = _predictions_asset(
    OOF_PREDICTIONS,
    "oof",
    "Probabilities and pooled features of a fold's network for the slices that the fold has held "
    "out, each a mean over the views.",
)
test_predictions = _predictions_asset(
    TEST_PREDICTIONS,
    "test",
    "Probabilities and pooled features of a fold's network for the slices of the test set, each a "
    "mean over the views.",
)
