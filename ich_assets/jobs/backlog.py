"""ich_backlog: many series that came at once, in one run, so that the networks load once."""

import dagster as dg

from ich_assets.inputs_digests import Rooms, outcome
from ich_assets.jobs.batch import require_done, run_all
from ich_assets.jobs.runs import adopt, require, steps_to_run
from ich_assets.runtime.retries import CRASH_RETRIES, GPU_POOL
from ich_assets.runtime.run_tags import host_tag
from ich_resources.dicom.resource import DicomResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.storage.ledger import found_series
from ich_resources.storage.resource import StorageResource


class BacklogConfig(dg.Config):
    """What the sensor asks for."""

    series: list[str]


@dg.op(out=dg.Out(list, io_manager_key="memory"))
def arrived_series(
    context: dg.OpExecutionContext,
    config: BacklogConfig,
    dicom: DicomResource,
    networks: NetworksResource,
    saliency: SaliencyResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> list[str]:
    """Return the series that have something left to do: a repeated run begins where it died."""
    rooms = Rooms(dicom, networks, saliency, panels, storage)
    todo = []
    for uid in config.series:
        series = found_series(storage.layout, uid)
        if steps_to_run(series, rooms):
            todo.append(uid)
        else:  # done by a run that died before it could say so
            adopt(context, rooms, series)
    context.log.info(f"Series that came: {len(config.series)}, with something to do: {len(todo)}")
    return todo


@dg.op(out=dg.Out(dg.Nothing), pool=GPU_POOL)
def run_arrived(
    context: dg.OpExecutionContext,
    todo: list[str],
    dicom: DicomResource,
    networks: NetworksResource,
    saliency: SaliencyResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> None:
    """Run each series in this process; one that fails fails alone."""
    run_all(context, Rooms(dicom, networks, saliency, panels, storage), todo)


@dg.op(ins={"all_series": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
def write_tables(
    context: dg.OpExecutionContext,
    todo: list[str],
    dicom: DicomResource,
    networks: NetworksResource,
    saliency: SaliencyResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> None:
    """Write the files people take away; fail if a series of this run is not done."""
    rooms = Rooms(dicom, networks, saliency, panels, storage)
    require(context, rooms, "ich_outputs")
    outcomes = [outcome(found_series(storage.layout, uid), rooms) for uid in todo]
    require_done(outcomes)


# All steps: the list of series lives in the memory of the process that died.
@dg.job(
    executor_def=dg.in_process_executor,
    tags={**host_tag(), **CRASH_RETRIES, "dagster/retry_strategy": "ALL_STEPS"},
)
def ich_backlog() -> None:
    """Score the series that the sensor names, in one process, and write the tables."""
    todo = arrived_series()
    write_tables(todo, all_series=run_arrived(todo))
