"""The partitions of a training: a backbone and a fold, or a fold alone."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone
from ich_resources.errors import IchError

BY_ASSET: Mapping[str, Backbone] = {backbone.asset: backbone for backbone in BACKBONES.values()}
"""The backbones by their short name, which is their partition."""
BACKBONE = dg.StaticPartitionsDefinition(list(BY_ASSET))
FOLD = dg.StaticPartitionsDefinition([str(fold) for fold in range(FOLDS)])
BACKBONE_AND_FOLD = dg.MultiPartitionsDefinition({"backbone": BACKBONE, "fold": FOLD})
"""Keys as ``densenet121|0``."""


def all_partitions(steps: Iterable[str]) -> list[dg.AssetDep]:
    """Return dependencies of an asset without partitions on every partition of some steps."""
    return [dg.AssetDep(step, partition_mapping=dg.AllPartitionMapping()) for step in steps]


def partition_of(backbone: Backbone, fold: int) -> str:
    """Return the partition key of one fold of a backbone."""
    return f"{backbone.asset}|{fold}"


def backbone_and_fold(partition: str) -> tuple[Backbone, int]:
    """Return what a partition key names.

    Dagster hands a key of the command line on as plain text, so its dimensions are read here.

    Parameters
    ----------
    partition : str
        As ``densenet121|0``.

    Raises
    ------
    IchError
        If there is no such partition.
    """
    name, _, fold = str(partition).partition("|")
    if name not in BY_ASSET or fold not in FOLD.get_partition_keys():
        raise IchError(
            f"there is no partition {partition!r}",
            remedy=f"name a backbone of {', '.join(BY_ASSET)} and a fold of 0 to {FOLDS - 1}, as "
            f"in {next(iter(BY_ASSET))}|0",
        )
    return BY_ASSET[name], int(fold)


def partition_tags(backbone: Backbone, fold: int) -> dict[str, str]:
    """Return the run tags that name one fold of a backbone."""
    return {
        "dagster/partition": partition_of(backbone, fold),
        "dagster/partition/backbone": backbone.asset,
        "dagster/partition/fold": str(fold),
    }


def chosen_backbones(names: Sequence[str]) -> list[Backbone]:
    """Return some backbones in the ensemble's order.

    Parameters
    ----------
    names : sequence of str
        Short names, or names as in tables; empty for all.

    Raises
    ------
    IchError
        If a name is unknown.
    """
    known = {**BY_ASSET, **BACKBONES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise IchError(
            f"there is no backbone {', '.join(map(repr, unknown))}",
            remedy=f"name some of {', '.join(BY_ASSET)}",
        )
    wanted = {known[name].name for name in names} or set(BACKBONES)
    return [backbone for backbone in BACKBONES.values() if backbone.name in wanted]
