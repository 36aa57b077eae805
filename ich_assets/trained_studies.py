"""The check that no network has seen the study that it scores."""

import dagster as dg

from ich_assets.partitions import SERIES
from ich_assets.predictions import ensemble_predictions
from ich_assets.step_files import load_folds
from ich_resources.inference.resource import NetworksResource
from ich_resources.storage.resource import StorageResource


@dg.asset_check(asset=ensemble_predictions, partitions_def=SERIES)
def not_trained_on(
    context: dg.AssetCheckExecutionContext, networks: NetworksResource, storage: StorageResource
) -> dg.AssetCheckResult:
    """No network was trained on this study. Probabilities of such a study look too good.

    Checkpoints of ``ich_train`` list their studies as hashes. Released checkpoints list none. Other
    studies of the same patient are not known.
    """
    used = [
        (f"{backbone.name}/{fold.file}", fold.trained_on_study)
        for backbone in networks.chosen
        for fold in load_folds(storage, context.partition_key, backbone)[0].content.folds
    ]
    seen = [name for name, trained_on in used if trained_on]
    return dg.AssetCheckResult(
        passed=not seen,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(seen)} of {len(used)} networks were trained on this study"
        if seen
        else None,
        metadata={
            "networks": len(used),
            "networks_that_list_their_studies": sum(known is not None for _, known in used),
            "trained_on_this_study": dg.MetadataValue.json(seen),
        },
    )
