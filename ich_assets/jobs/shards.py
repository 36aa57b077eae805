"""A large folder in shards: ich_prepare cuts it, ich_shard scores a part, ich_collect gathers.

Each shard is a process of its own with a DAGSTER_HOME of its own, on any machine that sees
RUN_ROOT. It writes only below the folders of its own series. The files over all series are written
by ich_prepare before the shards, and by ich_collect after them.
"""

import socket
import time

import dagster as dg
from pydantic import Field

from ich_assets.current_records import outcome
from ich_assets.jobs import preflight
from ich_assets.jobs.requirements import require_all, require_done
from ich_assets.jobs.runs import run_asset_job, run_start
from ich_assets.jobs.scoring import run_all, scan, write_tables
from ich_assets.jobs.steps_left import steps_left, steps_to_run
from ich_assets.partitions import add_partitions
from ich_assets.resources import SERIES_RESOURCES, SeriesResources
from ich_assets.runtime.console import TERSE_CONSOLE
from ich_assets.runtime.retries import GPU_POOL, NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import host_tag
from ich_resources.series import SeriesRecord
from ich_resources.steps import PROCESSED
from ich_resources.storage.ledger import found_series, read_scan
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
from ich_resources.subjects import series_subject

_TAGS = {**host_tag(), **NO_CRASH_RETRIES}


class PrepareConfig(dg.Config):
    """How many shards a folder is cut into."""

    shards: int = Field(default=1, ge=1, description="Number of shards, from 0 on.")
    decode: bool = Field(
        default=False, description="Decode every slice now, so that no GPU waits for it later."
    )


@dg.op(out=dg.Out(dg.Nothing), required_resource_keys=SERIES_RESOURCES)
def cut_folder(context: dg.OpExecutionContext, config: PrepareConfig) -> None:
    """Scan the folder, and write the list of series of each shard.

    This does not look for the device: the machine that cuts the folder may have no GPU.
    """
    resources = SeriesResources.of(context)
    preflight.check_weights(resources)
    preflight.check_run_root(resources)
    todo = scan(context, resources)
    if config.decode:
        _decode(context, resources, todo)
    shards, layout = cut(todo, config.shards), resources.storage.layout
    write_plan(layout, shards)
    sizes = [len(shard) for shard in shards]
    context.log.info(
        f"Shards: {len(shards)}, of {min(sizes)} to {max(sizes)} series, in {layout.shards}"
    )


def _decode(
    context: dg.OpExecutionContext, resources: SeriesResources, todo: list[SeriesRecord]
) -> None:
    """Decode the slices of each series; its shard tries again where that fails."""
    began = run_start(context)
    missing = [series for series in todo if PROCESSED in steps_to_run(series, resources)]
    for number, series in enumerate(missing, 1):
        uid = series.series_instance_uid
        with resources.storage.records.holding(series_subject(uid)):
            error = (
                run_asset_job(context, resources, "ich_series", [PROCESSED], partition=uid)
                if PROCESSED in steps_left(series, resources, began)
                else ""  # another process was faster
            )
        line = f"[{number}/{len(missing)}] {uid}  {'failed' if error else 'decoded'}"
        (context.log.warning if error else context.log.info)(line)


@dg.job(executor_def=dg.in_process_executor, tags=_TAGS, **TERSE_CONSOLE)
def ich_prepare() -> None:
    """Scan a folder and cut it into shards, for ich_shard; needs no GPU."""
    cut_folder()


class ShardConfig(dg.Config):
    """The shard to score."""

    shard: int = Field(default=0, ge=0, description="Number of the shard, from 0 on.")


@dg.op(out=dg.Out(dg.Nothing), pool=GPU_POOL, required_resource_keys=SERIES_RESOURCES)
def run_shard(context: dg.OpExecutionContext, config: ShardConfig) -> None:
    """Run the missing steps of each series of a shard; mark the shard if none lacks a result."""
    resources = SeriesResources.of(context)
    layout = resources.storage.layout
    started = time.perf_counter()
    preflight.check_weights(resources)
    preflight.check_device(resources)
    uids = read_shard(layout, config.shard)
    begin_shard(layout, config.shard)
    add_partitions(context.instance, uids)
    series = {uid: found_series(layout, uid) for uid in uids}
    todo = [uid for uid in uids if steps_to_run(series[uid], resources)]
    context.log.info(f"Shard {config.shard}: {len(uids)} series, {len(todo)} with something to do")
    run_all(context, resources, todo)
    outcomes = [outcome(series[uid], resources) for uid in uids]
    if all(o.state in ("done", "incomplete", "refused") for o in outcomes):
        seconds = round(time.perf_counter() - started, 3)
        finish_shard(
            layout, config.shard, series=len(uids), seconds=seconds, host=socket.gethostname()
        )
    require_done(outcomes)


@dg.job(executor_def=dg.in_process_executor, tags=_TAGS, **TERSE_CONSOLE)
def ich_shard() -> None:
    """Score the series of one shard in one process; run again, it does only what is missing."""
    run_shard()


@dg.op(out=dg.Out(dg.Nothing), required_resource_keys=SERIES_RESOURCES)
def gather(context: dg.OpExecutionContext) -> None:
    """Write the same tables as one unsharded batch; name the shards that must run again."""
    resources = SeriesResources.of(context)
    layout = resources.storage.layout
    shards = read_plan(layout)
    begin_collecting(layout)
    ledger = read_scan(layout)
    outcomes = [outcome(series, resources) for series in ledger.series]
    wanting = [
        o.series.series_instance_uid
        for o in outcomes
        if o.state in ("waiting", "failed") or o.after_scoring
    ]
    missing = write_missing(layout, shards, wanting)
    if missing:
        context.log.error(
            f"Without a result: {len(wanting)} series, in the shards {missing} "
            f"({layout.shards / 'missing.txt'})"
        )
    write_tables(context, resources, None)
    finish_collecting(layout)
    require_all(context, resources)


@dg.job(executor_def=dg.in_process_executor, tags=_TAGS, **TERSE_CONSOLE)
def ich_collect() -> None:
    """Write the tables over all series after the shards; fail and name what is missing."""
    gather()
