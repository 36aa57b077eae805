"""ich_batch: a folder of DICOM in, every result out; one process, one command."""

import time

import dagster as dg

from ich_assets.checkpoints import checkpoints_key
from ich_assets.inputs_digests import Rooms, outcome
from ich_assets.jobs import preflight
from ich_assets.jobs.runs import adopt, require, run_one_series, steps_to_run
from ich_assets.runtime.commits import quick_commits
from ich_assets.runtime.console import people_console
from ich_assets.runtime.retries import GPU_POOL, NO_CRASH_RETRIES
from ich_assets.runtime.run_tags import host_tag
from ich_resources.dicom.resource import DicomResource
from ich_resources.inference.resource import NetworksResource
from ich_resources.panels.resource import PanelsResource
from ich_resources.recipe import PROCESSED
from ich_resources.saliency.resource import SaliencyResource
from ich_resources.series import SeriesRecord
from ich_resources.storage.ledger import found_series, left_behind, read_scan
from ich_resources.storage.outcome import SeriesOutcome, total_counts
from ich_resources.storage.resource import StorageResource


@dg.op(out=dg.Out(list, io_manager_key="memory"))
def scan_folder(
    context: dg.OpExecutionContext,
    dicom: DicomResource,
    networks: NetworksResource,
    saliency: SaliencyResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> list[str]:
    """Find every series, register the partitions; return those with something left to do."""
    rooms = Rooms(dicom, networks, saliency, panels, storage)
    preflight.check(rooms)
    if not storage.layout.ledger.exists():
        networks.begin_to_load()  # nothing has been done yet, so they will be needed
    return [series.series_instance_uid for series in scan(context, rooms)]


def scan(context: dg.OpExecutionContext, rooms: Rooms) -> list[SeriesRecord]:
    """Find every series, say what is refused, take over results; return what is left to do."""
    context.log.info(f"Reading {rooms.dicom.folder}")
    require(context, rooms, "ich_scan")
    ledger = read_scan(rooms.storage.layout)
    taken = [series for series in ledger.series if series.to_be_scored]
    refused = [series for series in ledger.series if not series.to_be_scored]
    slices = sum(series.count("admitted") for series in taken)
    context.log.info(
        f"Found {len(ledger.series)} series: {len(taken)} to score ({slices} slices), "
        f"{len(refused)} refused"
    )
    for series in refused:
        context.log.info(f"  refused  {_name(series)}  {outcome(series, rooms).reasons}")
    for stray in ledger.strays:
        judgement = stray.judgement
        line = f"  {judgement.state}  {stray.path}  {judgement.code}: {judgement.reason}"
        (context.log.warning if judgement.state == "failed" else context.log.info)(line)
    todo = []
    for series in taken:
        if steps_to_run(series, rooms):
            todo.append(series)
        else:
            adopt(context, rooms, series)
    if len(todo) < len(taken):
        context.log.info(f"Series with nothing to do, unchanged: {len(taken) - len(todo)}")
    return todo


# The pool counts runs (conf/dagster.yaml): the inner runs do not wait for their own outer one.
@dg.op(out=dg.Out(dg.Nothing), pool=GPU_POOL)
def run_series(
    context: dg.OpExecutionContext,
    todo: list[str],
    dicom: DicomResource,
    networks: NetworksResource,
    saliency: SaliencyResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> None:
    """Run what is missing or stale of every series; a series that fails fails alone."""
    run_all(context, Rooms(dicom, networks, saliency, panels, storage), todo)


def run_all(context: dg.OpExecutionContext, rooms: Rooms, todo: list[str]) -> None:
    """Run what is missing or stale of some series in this process, and say how it goes.

    Parameters
    ----------
    todo : list of str
        SeriesInstanceUIDs; what a series needs is looked up when its turn comes.
    """
    with quick_commits():
        _run_all(context, rooms, todo)


def _run_all(context: dg.OpExecutionContext, rooms: Rooms, todo: list[str]) -> None:
    networks = rooms.networks
    started = time.perf_counter()
    ledger = {uid: found_series(rooms.storage.layout, uid) for uid in todo}
    if any(steps_to_run(ledger[uid], rooms) not in ([], [PROCESSED]) for uid in todo):
        context.log.info(f"Loading networks from {networks.folder}")
        require(context, rooms, "ich_checkpoints", [checkpoints_key(b) for b in networks.chosen])
        context.log.info(
            f"Networks loaded on {networks.device_name()} in {time.perf_counter() - started:.1f} s"
        )
    began = time.perf_counter()
    for number, uid in enumerate(todo, 1):
        series_started = time.perf_counter()
        error = run_one_series(context, rooms, ledger[uid])
        now = time.perf_counter()
        left = (now - began) / number * (len(todo) - number)
        result = outcome(ledger[uid], rooms)
        line = _progress(number, len(todo), result, now - series_started, left)
        if error:
            context.log.error(f"{line}\n    {error}")
        elif result.state != "done":
            context.log.warning(f"{line}\n    {result.why}")
        else:
            context.log.info(line)


@dg.op(ins={"all_series": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
def write_outputs(
    context: dg.OpExecutionContext,
    dicom: DicomResource,
    networks: NetworksResource,
    saliency: SaliencyResource,
    panels: PanelsResource,
    storage: StorageResource,
) -> None:
    """Write the files people take away; fail if anything that should be scored is not."""
    begun = context.instance.get_run_stats(context.run_id).start_time or time.time()
    seconds = round(time.time() - begun, 3)
    rooms = Rooms(dicom, networks, saliency, panels, storage)
    write_files(context, rooms, seconds)
    require_all(context, rooms)


def write_files(context: dg.OpExecutionContext, rooms: Rooms, seconds: float | None) -> None:
    """Write the files people take away, from the last scan and this run's weights and options.

    Parameters
    ----------
    seconds : float or None
        Wall time of the batch, where it ran in one piece.
    """
    config = {
        "ops": {"run_outputs": {"config": {"only_these_options": True, "batch_seconds": seconds}}}
    }
    require(context, rooms, "ich_outputs", config=config)


def require_all(context: dg.OpExecutionContext, rooms: Rooms) -> None:
    """Say what has become of the last scan, and check that everything that should be is scored.

    Raises
    ------
    dagster.Failure
        If anything is not; it names each.
    """
    storage = rooms.storage
    ledger = read_scan(storage.layout)
    outcomes = [outcome(series, rooms) for series in ledger.series]
    wanted = [o for o in outcomes if o.state != "refused"]
    finished = [o for o in wanted if o.state == "done"]
    context.log.info(
        f"Series: {len(finished)} of {len(wanted)} done, {len(outcomes) - len(wanted)} refused. "
        "Slices: " + ", ".join(f"{n} {state}" for state, n in total_counts(outcomes).items())
    )
    if ledger.strays:
        failed = sum(s.judgement.state == "failed" for s in ledger.strays)
        context.log.info(
            f"Files in no series: {len(ledger.strays)}, "
            f"{len(ledger.strays) - failed} refused, {failed} failed"
        )
    left = left_behind(storage.layout, ledger)
    if left:
        context.log.warning(
            f"series with results here that are not in the input folder any more: {len(left)} "
            "(run_report.json names them)"
        )
    if any(r.content.get("untrained") for o in outcomes for r in o.records.values()):
        context.log.warning("made with untrained stand-in weights: the numbers mean nothing")
    context.log.info(f"Results are in {storage.layout.output}")
    problems = [f"series {_name(o.series)} {o.state}: {o.why}" for o in wanted if o.state != "done"]
    problems += [
        f"file {s.path}: {s.judgement.reason}"
        for s in ledger.strays
        if s.judgement.state == "failed"
    ]
    if not wanted:
        problems.append(f"none of the {len(outcomes)} series found can be scored")
    if problems:
        raise dg.Failure(
            f"Problems: {len(problems)} (see slices_not_scored.csv and series_ledger.csv in "
            f"{storage.layout.output}):\n  " + "\n  ".join(problems),
            allow_retries=False,
        )


def require_done(outcomes: list[SeriesOutcome]) -> None:
    """Check that every series of a run is done or refused.

    Raises
    ------
    dagster.Failure
        If one is not; it names each with its reason.
    """
    problems = [
        f"series {_name(o.series)} {o.state}: {o.why}"
        for o in outcomes
        if o.state not in ("done", "refused")
    ]
    if problems:
        raise dg.Failure(
            f"Problems: {len(problems)} of {len(outcomes)} series:\n  " + "\n  ".join(problems),
            allow_retries=False,
        )


@dg.job(
    executor_def=dg.in_process_executor,
    tags={**host_tag(), **NO_CRASH_RETRIES},
    logger_defs={"console": people_console},
    config={"loggers": {"console": {"config": {}}}},
)
def ich_batch() -> None:
    """Score a folder of DICOM: scan, every series in one process, the files people take away."""
    write_outputs(run_series(scan_folder()))


def _progress(number: int, total: int, result: SeriesOutcome, seconds: float, left: float) -> str:
    width = len(str(total))
    slices = f"{result.scored}/{result.scored + result.count('failed')} slices"
    line = f"[{number:>{width}}/{total}] {_name(result.series)}  {result.state}  {slices}"
    line += f"  {seconds:.1f} s"
    return line + (f"  (about {_duration(left)} left)" if number < total else "")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _name(series: SeriesRecord) -> str:
    return series.series_instance_uid
