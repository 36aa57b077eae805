"""The checkpoint files of each backbone, verified; new digests make predictions stale."""

import time

import dagster as dg

from ich_assets.runtime.retries import GPU_POOL
from ich_resources.backbones.table import BACKBONES, Backbone
from ich_resources.digests import fingerprint
from ich_resources.inference.resource import NetworksResource
from ich_resources.worth import least


def checkpoints_key(backbone: Backbone) -> str:
    """Return the name of a backbone's checkpoints asset."""
    return f"{backbone.asset}_checkpoints"


def _checkpoints_asset(backbone: Backbone) -> dg.AssetsDefinition:
    @dg.asset(
        name=checkpoints_key(backbone),
        group_name="checkpoints",
        kinds={"pytorch"},
        pool=GPU_POOL,
        tags={"backbone": backbone.asset},
        description=f"The folds of {backbone.name} (network input {backbone.input_size} x "
        f"{backbone.input_size}), each loaded strictly: missing, extra or misshapen weights and "
        "pickled code are errors. The data version is the digest of the files.",
    )
    def checkpoints(networks: NetworksResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        files = networks.checkpoints(backbone)
        started = time.perf_counter()
        folds = networks.load(files)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(fingerprint({"files": [file.digest for file in files]})),
            metadata={
                "folder": dg.MetadataValue.path(str(networks.folder / backbone.folder)),
                "folds": len(files),
                "device": networks.device_name(),
                "seconds": round(time.perf_counter() - started, 3),
                "untrained_weights": any(fold.untrained for fold in folds),
                "trained_on": least(fold.trained_on for fold in folds),
                "input_size": files[0].input_size,
                "slice_context": networks.context_of(files),
                "files": dg.MetadataValue.table(
                    [
                        dg.TableRecord(
                            {
                                "file": file.path.name,
                                "sha256": file.digest,
                                "expected_digest_known": file.expected,
                            }
                        )
                        for file in files
                    ]
                ),
            },
        )

    return checkpoints


CHECKPOINTS = [_checkpoints_asset(backbone) for backbone in BACKBONES.values()]


def _digests_known(backbone: Backbone) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name="digests_known",
        asset=checkpoints_key(backbone),
        description="The digest of every checkpoint is in checkpoints.sha256 of the model folder. "
        "(A digest that differs is an error before this check.)",
    )
    def digests_known(networks: NetworksResource) -> dg.AssetCheckResult:
        unknown = [file.path.name for file in networks.checkpoints(backbone) if not file.expected]
        return dg.AssetCheckResult(
            passed=not unknown,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"unknown": len(unknown), "files": dg.MetadataValue.json(unknown)},
        )

    return digests_known


DIGEST_CHECKS = [_digests_known(backbone) for backbone in BACKBONES.values()]
