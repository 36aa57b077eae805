"""The checkpoint files of each backbone, verified; new digests make predictions stale."""

import time
from collections.abc import Sequence

import dagster as dg

from ich_assets.metadata import DATA_VERSION_TAG
from ich_assets.runtime.retries import GPU_POOL
from ich_resources.backbones.checkpoint import CheckpointFile
from ich_resources.backbones.table import BACKBONES, Backbone
from ich_resources.digests import fingerprint
from ich_resources.inference.resource import NetworksResource
from ich_resources.worth import least

DIGESTS_KNOWN = "digests_known"
"""The check of the checkpoints."""


def checkpoints_key(backbone: Backbone) -> str:
    """Return the name of a backbone's checkpoints asset."""
    return f"{backbone.asset}_checkpoints"


def _data_version(files: Sequence[CheckpointFile]) -> str:
    return fingerprint({"files": [file.digest for file in files]})


def shown_already(
    instance: dg.DagsterInstance, networks: NetworksResource, backbone: Backbone
) -> bool:
    """Return whether Dagster shows the checkpoints of a backbone as they are.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It is asked for the last event of the asset and of its check.
    networks : NetworksResource
        The checkpoints and the device.
    backbone : Backbone
        Whose checkpoints.

    Raises
    ------
    CheckpointError
        If the files cannot be used.
    """
    files, key = networks.checkpoints(backbone), dg.AssetKey(checkpoints_key(backbone))
    event = instance.get_latest_materialization_event(key)
    found = event.asset_materialization if event else None
    if found is None or (found.tags or {}).get(DATA_VERSION_TAG) != _data_version(files):
        return False
    check = instance.get_latest_asset_check_evaluation_record(dg.AssetCheckKey(key, DIGESTS_KNOWN))
    judged = check.evaluation if check else None
    device = found.metadata.get("device")
    return (
        judged is not None
        and judged.passed == all(file.expected for file in files)
        and device is not None
        and device.value == networks.runner.device_name()
    )


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
        folds = networks.runner.load(files)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(_data_version(files)),
            metadata={
                "folder": dg.MetadataValue.path(str(networks.folder / backbone.folder)),
                "folds": len(files),
                "device": networks.runner.device_name(),
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
        name=DIGESTS_KNOWN,
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
