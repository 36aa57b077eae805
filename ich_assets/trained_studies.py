"""The check that no network has seen the study that it scores."""

import dagster as dg

from ich_assets.partitions import SERIES
from ich_assets.predictions import ensemble_predictions
from ich_resources.inference.resource import NetworksResource
from ich_resources.storage.ledger import find_series
from ich_resources.storage.resource import StorageResource


@dg.asset_check(asset=ensemble_predictions, partitions_def=SERIES)
def not_trained_on(
    context: dg.AssetCheckExecutionContext, networks: NetworksResource, storage: StorageResource
) -> dg.AssetCheckResult:
    """No network was trained on this study. Probabilities of such a study look too good.

    Checkpoints of ``ich_train`` list their studies as hashes. Released checkpoints list none. Other
    studies of a patient are not known.
    """
    study = find_series(storage.layout, context.partition_key).study_instance_uid
    files = [file for backbone in networks.chosen for file in networks.checkpoints(backbone)]
    listing = [(file, file.trained) for file in files if file.trained is not None]
    seen = [
        f"{file.backbone}/{file.path.name}"
        for file, trained in listing
        if trained.was_trained_on(study)
    ]
    return dg.AssetCheckResult(
        passed=not seen,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(seen)} of {len(files)} networks were trained on this study"
        if seen
        else None,
        metadata={
            "checkpoints": len(files),
            "checkpoints_that_list_their_studies": len(listing),
            "trained_on_this_study": dg.MetadataValue.json(seen),
        },
    )
