"""Shards: a scan cut into parts that separate processes score, and the progress of each.

Below ``state/shards`` lie ``plan.json``, a list of series per shard, a marker per finished shard,
``missing.txt``, the shards to be run again as SLURM and people write them: ``1,4``, and
``collected.json`` while the tables hold what the shards have done. ``jobs.txt`` belongs to
``singularity/slurm_array.sh``.
"""

import heapq
from collections.abc import Collection, Sequence
from pathlib import Path

from ich_resources.errors import StorageError
from ich_resources.series import SeriesRecord
from ich_resources.storage.files import read_json, remove, write_bytes, write_json
from ich_resources.storage.layout import Layout

_REMEDY = "run the job ich_prepare again"


def cut(series: Sequence[SeriesRecord], count: int) -> list[list[str]]:
    """Return the SeriesInstanceUIDs of each shard, with slices as even as possible.

    Parameters
    ----------
    series : sequence of SeriesRecord
        Those that have something left to do.
    count : int
        Number of shards; with fewer series than that some stay empty.

    Notes
    -----
    The longest series first, each to the shard with the fewest slices so far. The same series
    always give the same shards.
    """
    shards: list[list[str]] = [[] for _ in range(count)]
    load = [(0, index) for index in range(count)]
    slices = {item.series_instance_uid: item.count("admitted") for item in series}
    for uid in sorted(slices, key=lambda uid: (-slices[uid], uid)):
        lightest, index = load[0]
        shards[index].append(uid)
        heapq.heapreplace(load, (lightest + slices[uid], index))
    return [sorted(shard) for shard in shards]


def write_plan(layout: Layout, shards: Sequence[Sequence[str]]) -> None:
    """Write the list of each shard, and the plan last; files of an earlier plan go first."""
    remove([_plan(layout), _missing(layout), _collected(layout)])
    if layout.shards.is_dir():
        remove(layout.shards.glob("[0-9]*.json"))
    for index, series in enumerate(shards):
        write_json(_list(layout, index), list(series))
    write_json(_plan(layout), {"shards": len(shards)}, durable=True)


def read_plan(layout: Layout) -> list[list[str]]:
    """Return the series of every shard.

    Raises
    ------
    StorageError
        If there is no plan.
    """
    count = read_json(_plan(layout), remedy=_REMEDY)["shards"]
    return [read_json(_list(layout, index), remedy=_REMEDY) for index in range(count)]


def read_shard(layout: Layout, index: int) -> list[str]:
    """Return the series of one shard.

    Raises
    ------
    StorageError
        If there is no plan, or it does not have this shard.
    """
    count = read_json(_plan(layout), remedy=_REMEDY)["shards"]
    if not 0 <= index < count:
        raise StorageError(
            f"there is no shard {index}: the plan has {count}, from 0 on",
            path=_plan(layout),
            remedy=_REMEDY,
        )
    return list(read_json(_list(layout, index), remedy=_REMEDY))


def begin_shard(layout: Layout, index: int) -> None:
    """Remove the marker of a shard that runs again, and the marker of the earlier tables."""
    remove([_done(layout, index), _collected(layout)])


def finish_shard(layout: Layout, index: int, *, series: int, seconds: float, host: str) -> None:
    """Mark a shard as done: every series of it has its results.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    index : int
        Number of the shard, from 0.
    series : int
        How many series it has.
    seconds : float
        How long its run took, in seconds.
    host : str
        Name of the computer.
    """
    write_json(_done(layout, index), {"series": series, "seconds": seconds, "host": host})


def write_missing(layout: Layout, shards: Sequence[Sequence[str]], wanting: Collection[str]) -> str:
    """Write which shards have series without a result; return the text, empty if all have one.

    Parameters
    ----------
    layout : Layout
        Paths below the run root.
    shards : sequence of sequence of str
        SeriesInstanceUIDs of each shard, from ``read_plan``.
    wanting : collection of str
        SeriesInstanceUIDs of the series without a result.
    """
    text = ",".join(
        str(index) for index, series in enumerate(shards) if not set(wanting).isdisjoint(series)
    )
    if text:
        write_bytes(_missing(layout), f"{text}\n".encode())
    else:
        remove([_missing(layout)])
    return text


def begin_collecting(layout: Layout) -> None:
    """Remove the marker of the tables, which are made again."""
    remove([_collected(layout)])


def finish_collecting(layout: Layout) -> None:
    """Mark the tables as made since the last shard began."""
    write_json(_collected(layout), {})


def _plan(layout: Layout) -> Path:
    return layout.shards / "plan.json"


def _missing(layout: Layout) -> Path:
    return layout.shards / "missing.txt"


def _collected(layout: Layout) -> Path:
    return layout.shards / "collected.json"


def _list(layout: Layout, index: int) -> Path:
    return layout.shards / f"{index}.json"


def _done(layout: Layout, index: int) -> Path:
    return layout.shards / f"{index}.done.json"
