"""The check of a lower precision: a sample of slices is scored again in float32."""

from typing import TYPE_CHECKING

import dagster as dg
import numpy as np

from ich_assets.metadata import highest_slices
from ich_assets.partitions import SERIES
from ich_assets.predictions import ensemble_predictions
from ich_assets.step_files import load_ensemble, load_folds, load_images
from ich_resources.findings import FloatArray
from ich_resources.inference.resource import NetworksResource
from ich_resources.series import SeriesImages
from ich_resources.storage.resource import StorageResource

if TYPE_CHECKING:
    from ich_resources.backbones.loading import LoadedFold

PRECISION_BOUND = 1e-2
"""Largest difference from the probability in float32."""
SAMPLE = 2
"""Number of slices that are scored in float32 too: those with the highest P(any)."""


@dg.asset_check(asset=ensemble_predictions, partitions_def=SERIES)
def precision_holds(
    context: dg.AssetCheckExecutionContext, networks: NetworksResource, storage: StorageResource
) -> dg.AssetCheckResult:
    """At a lower precision a sample of slices has the probabilities of float32 within a bound."""
    _, images = load_images(storage, context.partition_key)
    differences = {}
    if networks.precision != "float32":
        _, ensemble = load_ensemble(storage, context.partition_key)
        sample = sorted(highest_slices(ensemble)[:SAMPLE])
        for backbone in networks.chosen:
            _, folds = load_folds(storage, context.partition_key, backbone)
            exact = networks.load(networks.checkpoints(backbone)[:1], precision="float32")
            expected = [_one_slice(networks, exact, images, index) for index in sample]
            found = folds.probabilities[0, sample]
            differences[backbone.name] = float(np.abs(found - expected).max())
    return dg.AssetCheckResult(
        passed=all(value <= PRECISION_BOUND for value in differences.values()),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "precision": networks.precision,
            "bound": PRECISION_BOUND,
            **{name: round(value, 6) for name, value in differences.items()},
        },
    )


def _one_slice(
    networks: NetworksResource, folds: "list[LoadedFold]", images: SeriesImages, index: int
) -> FloatArray:
    """Return the first fold's probabilities of one slice, scored between its neighbours."""
    first = max(index - 1, 0)
    near = slice(first, index + 2)
    part = SeriesImages(images.sop_instance_uids[near], images.crops[near])
    return networks.predict(folds, part).probabilities[0, index - first]
