"""What the jobs over many series have in common: scan, run every series, write the tables."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import dagster as dg

from ich_assets.checkpoints import checkpoints_key, shown_already
from ich_assets.current_records import outcome
from ich_assets.jobs.existing import report_existing
from ich_assets.jobs.runs import require_asset_job, run_one_series, run_start
from ich_assets.jobs.steps_left import steps_known_to_run, steps_to_run
from ich_assets.resources import SeriesResources
from ich_assets.runtime.commits import quick_commits
from ich_assets.runtime.compact import compact_runs_inside
from ich_assets.runtime.engines import kept_engines
from ich_resources.errors import MACHINE_FAULTS, IchError
from ich_resources.plain_text import one_line
from ich_resources.series import SeriesRecord
from ich_resources.steps import BY_NAME
from ich_resources.storage.ledger import found_series, read_scan
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.subjects import series_subject


def scan(context: dg.OpExecutionContext, resources: SeriesResources) -> list[SeriesRecord]:
    """Find every series, list the refused ones, and return those with something left to do."""
    context.log.info(f"Reading {resources.dicom.folder}")
    require_asset_job(context, resources, "ich_scan")
    ledger = read_scan(resources.storage.layout)
    taken = [series for series in ledger.series if series.to_be_scored]
    refused = [series for series in ledger.series if not series.to_be_scored]
    slices = sum(series.count("admitted") for series in taken)
    context.log.info(
        f"Found {len(ledger.series)} series: {len(taken)} to score ({slices} slices), "
        f"{len(refused)} refused"
    )
    for series in refused:
        reasons = outcome(series, resources).reasons
        context.log.info(f"  refused  {series.series_instance_uid}  {reasons}")
    for file in ledger.unassigned:
        judgement = file.judgement
        line = f"  {judgement.state}  {one_line(file.path)}  {judgement.code}: {judgement.reason}"
        (context.log.warning if judgement.state == "failed" else context.log.info)(line)
    todo = []
    for series in taken:
        if steps_to_run(series, resources):
            todo.append(series)
        else:
            _keep(context, resources, series)
    if len(todo) < len(taken):
        context.log.info(f"Series with nothing to do, unchanged: {len(taken) - len(todo)}")
    return todo


def _keep(context: dg.OpExecutionContext, resources: SeriesResources, series: SeriesRecord) -> None:
    """Report the results of a finished series, and give records of earlier versions digests."""
    subject, records = series_subject(series.series_instance_uid), resources.storage.records
    if not records.have_digests(subject):
        with records.holding(subject):
            records.add_digests(subject)
    report_existing(context, resources, series)


class Progress(NamedTuple):
    """How far a run over several series has come.

    Attributes
    ----------
    slices, seconds : int, float
        Slices of the series that it has run, and the time that they took, in seconds.
    next_slices : int
        Slices of the next series.
    fault : str
        The fault of the machine that the last series has met; empty if it met none.
    """

    slices: int
    seconds: float
    next_slices: int
    fault: str


def run_all(
    context: dg.OpExecutionContext,
    resources: SeriesResources,
    todo: list[str],
    *,
    why_stop: Callable[[Progress], str] = lambda _: "",
) -> None:
    """Run the missing and stale steps of some series in this process, with a line for each series.

    Parameters
    ----------
    context : dagster.OpExecutionContext
        Of the outer run.
    resources : SeriesResources
        Those of the outer run.
    todo : list of str
        SeriesInstanceUIDs. The steps that a series needs are looked up when its turn comes.
    why_stop : callable
        Asked before each series but the first; a text ends the run.

    Raises
    ------
    dagster.Failure
        If the run was ended so.
    """
    with quick_commits(), kept_engines():
        series = [found_series(resources.storage.layout, uid) for uid in todo]
        _load_networks(context, resources, series)
        _run_each(context, resources, series, why_stop)
    compact_runs_inside(context.instance, context.run_id)


def _load_networks(
    context: dg.OpExecutionContext, resources: SeriesResources, todo: list[SeriesRecord]
) -> None:
    """Load the networks, with the asset that verifies them, if a step needs them."""
    steps = {
        step
        for series in todo
        for step in steps_known_to_run(steps_to_run(series, resources), series, resources)
    }
    if not any(BY_NAME[step].runs_networks for step in steps):
        return
    networks, started = resources.networks, time.perf_counter()
    context.log.info(f"Loading networks from {networks.folder}")
    _show_checkpoints(context, resources)
    seconds = time.perf_counter() - started
    context.log.info(f"Networks loaded on {networks.runner.device_name()} in {seconds:.1f} s")


def _show_checkpoints(context: dg.OpExecutionContext, resources: SeriesResources) -> None:
    """Load the networks; Dagster keeps an event of the checkpoints that it does not show yet."""
    networks = resources.networks
    with suppress(IchError):  # the asset meets it again, and its run says it
        if all(shown_already(context.instance, networks, each) for each in networks.chosen):
            for backbone in networks.chosen:
                networks.runner.load(networks.checkpoints(backbone))
            return
    assets = [checkpoints_key(backbone) for backbone in networks.chosen]
    require_asset_job(context, resources, "ich_checkpoints", assets)


def _run_each(
    context: dg.OpExecutionContext,
    resources: SeriesResources,
    todo: list[SeriesRecord],
    why_stop: Callable[[Progress], str],
) -> None:
    slices, fault = 0, ""
    began, run_began = time.perf_counter(), run_start(context)
    for number, series in enumerate(todo, 1):
        series_began = time.perf_counter()
        progress = Progress(slices, series_began - began, series.count("admitted"), fault)
        why = why_stop(progress) if number > 1 else ""
        if why:
            left_out = f"Series left to another run: {len(todo) - number + 1}: {why}"
            raise dg.Failure(left_out, allow_retries=False)
        error = run_one_series(context, resources, series, run_began)
        now = time.perf_counter()
        left = (now - began) / number * (len(todo) - number)
        result = outcome(series, resources)
        line = _progress(number, len(todo), result, now - series_began, left)
        if error:
            context.log.error(f"{line}\n    {error}")
        elif result.state != "done":
            context.log.warning(f"{line}\n    {result.why}")
        else:
            context.log.info(line)
        slices += series.count("admitted")
        fault = _machine_fault(resources, series)


def _machine_fault(resources: SeriesResources, series: SeriesRecord) -> str:
    subject = series_subject(series.series_instance_uid)
    note = resources.storage.records.failures.find(subject)
    return note.message if note is not None and note.code in MACHINE_FAULTS else ""


def _progress(number: int, total: int, result: SeriesOutcome, seconds: float, left: float) -> str:
    width = len(str(total))
    uid = result.series.series_instance_uid
    slices = f"{result.scored}/{result.scored + result.count('failed')} slices"
    line = f"[{number:>{width}}/{total}] {uid}  {result.state}  {slices}  {seconds:.1f} s"
    return line + (f"  (about {_duration(left)} left)" if number < total else "")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def write_tables(
    context: dg.OpExecutionContext, resources: SeriesResources, seconds: float | None
) -> None:
    """Write the tables from the last scan and this run's checkpoints and options.

    Parameters
    ----------
    context : dagster.OpExecutionContext
        Of the outer run.
    resources : SeriesResources
        Those of the outer run.
    seconds : float or None
        Wall time of the batch in seconds, where it ran in one piece.

    Raises
    ------
    dagster.Failure
        If they cannot be written.
    """
    options = {"only_these_options": True, "batch_seconds": seconds}
    config = {"ops": {"run_outputs": {"config": options}}}
    require_asset_job(context, resources, "ich_outputs", config=config)
