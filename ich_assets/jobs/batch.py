"""ich_batch: a folder of DICOM in, every result out; one process, one command."""

import time

import dagster as dg

from ich_assets.jobs import preflight
from ich_assets.jobs.requirements import require_all
from ich_assets.jobs.runs import run_start
from ich_assets.jobs.scoring import run_all, scan, write_tables
from ich_assets.resources import SERIES_RESOURCES, SeriesResources
from ich_assets.runtime.console import TERSE_CONSOLE
from ich_assets.runtime.retries import GPU_POOL, NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import host_tag


@dg.op(out=dg.Out(list, io_manager_key="memory"), required_resource_keys=SERIES_RESOURCES)
def scan_folder(context: dg.OpExecutionContext) -> list[str]:
    """Find every series, register the partitions; return the series with something left to do."""
    resources = SeriesResources.of(context)
    preflight.check(resources)
    return [series.series_instance_uid for series in scan(context, resources)]


# The pool counts runs (conf/dagster.yaml): the inner runs do not wait for their own outer run.
@dg.op(out=dg.Out(dg.Nothing), pool=GPU_POOL, required_resource_keys=SERIES_RESOURCES)
def run_series(context: dg.OpExecutionContext, todo: list[str]) -> None:
    """Run the missing and stale steps of every series; one that fails does not stop the others."""
    run_all(context, SeriesResources.of(context), todo)


@dg.op(
    ins={"all_series": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    required_resource_keys=SERIES_RESOURCES,
)
def write_outputs(context: dg.OpExecutionContext) -> None:
    """Write the tables over all series; fail if something that should be scored is not."""
    resources = SeriesResources.of(context)
    write_tables(context, resources, round(time.time() - run_start(context), 3))
    require_all(context, resources)


@dg.job(
    executor_def=dg.in_process_executor, tags={**host_tag(), **NO_CRASH_RETRIES}, **TERSE_CONSOLE
)
def ich_batch() -> None:
    """Score a folder of DICOM: scan, every series in one process, the tables over all series."""
    write_outputs(run_series(scan_folder()))
