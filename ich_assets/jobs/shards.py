"""A large folder in shards: ich_prepare cuts it, an ich_shard each scores, ich_collect gathers.

Shards run as processes of their own, on any machine that sees RUN_ROOT, each with a DAGSTER_HOME
of its own. They write below the folders of their own series alone; what is of all series is
written by ich_prepare, before them, and by ich_collect, after them.
"""

import socket
import time
from typing import Any

import dagster as dg
from pydantic import Field

from ich_assets.inputs_digests import Rooms, outcome
from ich_assets.jobs import preflight
from ich_assets.jobs.batch import require_all, require_done, run_all, scan, write_files
from ich_assets.jobs.runs import attempt, steps_to_run
from ich_assets.partitions import add_partitions
from ich_assets.runtime.console import people_console
from ich_assets.runtime.retries import GPU_POOL, NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import host_tag
from ich_resources.dicom.resource import DicomResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.recipe import PROCESSED
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.series import SeriesRecord
from ich_resources.storage.ledger import found_series, read_scan
from ich_resources.storage.resource import StorageResource
from ich_resources.storage.shards import (
    begin_collecting,
    begin_shard,
    cut,
    finish_collecting,
    finish_shard,
    read_plan,
    read_shard,
    write_missing,
    write_plan,
)

_CONSOLE: dict[str, Any] = {"loggers": {"console": {"config": {}}}}
_TAGS = {**host_tag(), **NO_CRASH_RETRIES}


class PrepareConfig(dg.Config):
    """How a folder is cut."""

    shards: int = Field(default=1, ge=1, description="Number of shards, from 0 on.")
    decode: bool = Field(
        default=False, description="Decode every slice now, so that no GPU waits for it later."
    )


@dg.op(out=dg.Out(dg.Nothing))
def cut_folder(
    context: dg.OpExecutionContext,
    config: PrepareConfig,
    dicom: DicomResource,
    networks: NetworksResource,
    saliency: SaliencyResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> None:
    """Scan the folder, and write which series each shard has to score.

    The device is not looked for: where a folder is cut there may be no GPU.
    """
    rooms = Rooms(dicom, networks, saliency, panels, storage)
    preflight.check_weights(rooms)
    preflight.check_run_root(rooms)
    todo = scan(context, rooms)
    if config.decode:
        _decode(context, rooms, todo)
    shards = cut(todo, config.shards)
    write_plan(storage.layout, shards)
    sizes = [len(shard) for shard in shards]
    context.log.info(
        f"Shards: {len(shards)}, of {min(sizes)} to {max(sizes)} series, in {storage.layout.shards}"
    )


def _decode(context: dg.OpExecutionContext, rooms: Rooms, todo: list[SeriesRecord]) -> None:
    """Make the slice images of series; one that fails is tried again by its shard."""
    missing = [series for series in todo if PROCESSED in steps_to_run(series, rooms)]
    for number, series in enumerate(missing, 1):
        uid = series.series_instance_uid
        error = attempt(context, rooms, "ich_series", [PROCESSED], partition=uid)
        line = f"[{number}/{len(missing)}] {uid}  {'failed' if error else 'decoded'}"
        (context.log.warning if error else context.log.info)(line)


@dg.job(
    executor_def=dg.in_process_executor,
    tags=_TAGS,
    logger_defs={"console": people_console},
    config=_CONSOLE,
)
def ich_prepare() -> None:
    """Scan a folder and cut it into shards, for ich_shard; needs no GPU."""
    cut_folder()


class ShardConfig(dg.Config):
    """Which shard."""

    shard: int = Field(default=0, ge=0, description="Number of the shard, from 0 on.")


@dg.op(out=dg.Out(dg.Nothing), pool=GPU_POOL)
def run_shard(
    context: dg.OpExecutionContext,
    config: ShardConfig,
    dicom: DicomResource,
    networks: NetworksResource,
    saliency: SaliencyResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> None:
    """Run what is missing of each series of a shard; mark the shard if none is left without."""
    rooms, layout = Rooms(dicom, networks, saliency, panels, storage), storage.layout
    started = time.perf_counter()
    preflight.check_weights(rooms)
    preflight.check_device(rooms)
    uids = read_shard(layout, config.shard)
    begin_shard(layout, config.shard)
    add_partitions(context.instance, uids)
    series = {uid: found_series(layout, uid) for uid in uids}
    todo = [uid for uid in uids if steps_to_run(series[uid], rooms)]
    context.log.info(f"Shard {config.shard}: {len(uids)} series, {len(todo)} with something to do")
    run_all(context, rooms, todo)
    outcomes = [outcome(series[uid], rooms) for uid in uids]
    if all(o.state in ("done", "incomplete", "refused") for o in outcomes):
        seconds = round(time.perf_counter() - started, 3)
        finish_shard(
            layout, config.shard, series=len(uids), seconds=seconds, host=socket.gethostname()
        )
    require_done(outcomes)


@dg.job(
    executor_def=dg.in_process_executor,
    tags=_TAGS,
    logger_defs={"console": people_console},
    config=_CONSOLE,
)
def ich_shard() -> None:
    """Score the series of one shard in one process; may be repeated, does only what is missing."""
    run_shard()


@dg.op(out=dg.Out(dg.Nothing))
def gather(
    context: dg.OpExecutionContext,
    dicom: DicomResource,
    networks: NetworksResource,
    saliency: SaliencyResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> None:
    """Write the same files as one unsharded batch; name the shards that must run again."""
    rooms, layout = Rooms(dicom, networks, saliency, panels, storage), storage.layout
    shards = read_plan(layout)
    begin_collecting(layout)
    ledger = read_scan(layout)
    states = {s.series_instance_uid: outcome(s, rooms).state for s in ledger.series}
    wanting = [uid for uid, state in states.items() if state in ("waiting", "failed")]
    missing = write_missing(layout, shards, wanting)
    if missing:
        context.log.error(
            f"Without a result: {len(wanting)} series, in the shards {missing} "
            f"({layout.shards / 'missing.txt'})"
        )
    write_files(context, rooms, None)
    finish_collecting(layout)
    require_all(context, rooms)


@dg.job(
    executor_def=dg.in_process_executor,
    tags=_TAGS,
    logger_defs={"console": people_console},
    config=_CONSOLE,
)
def ich_collect() -> None:
    """Write the files people take away after the shards; fails, and names what is missing."""
    gather()
