"""What a run must have reached at its end: every series that can be scored is done."""

from collections.abc import Sequence

import dagster as dg

from ich_assets.current_records import outcome
from ich_assets.resources import SeriesResources
from ich_resources.plain_text import one_line
from ich_resources.series import Ledger
from ich_resources.storage.ledger import left_behind, read_scan
from ich_resources.storage.outcome import SeriesOutcome, total_counts
from ich_resources.worth import WARNINGS, least


def require_all(context: dg.OpExecutionContext, resources: SeriesResources) -> None:
    """Print what became of the last scan, and check that all is scored that should be.

    Raises
    ------
    dagster.Failure
        If something is not; it names each series and file.
    """
    layout = resources.storage.layout
    ledger = read_scan(layout)
    outcomes = [outcome(series, resources) for series in ledger.series]
    _print_summary(context, ledger, outcomes)
    left = left_behind(layout, ledger)
    if left:
        context.log.warning(
            f"Series with results here that are not in the input folder any more: {len(left)} "
            "(run_report.json names them)"
        )
    warning = WARNINGS[least(r.content.worth for o in outcomes for r in o.records.values())]
    if warning:
        context.log.warning(warning)
    context.log.info(f"Results are in {layout.output}")
    wanted = [o for o in outcomes if o.state != "refused"]
    problems = _problems(outcomes)
    problems += [
        f"file {one_line(s.path)}: {s.judgement.reason}"
        for s in ledger.unassigned
        if s.judgement.state == "failed"
    ]
    if not wanted:
        problems.append(f"none of the {len(outcomes)} series found can be scored")
    if problems:
        raise dg.Failure(
            f"Problems: {len(problems)} (see slices_not_scored.csv and series_ledger.csv in "
            f"{layout.output}):\n  " + "\n  ".join(problems),
            allow_retries=False,
        )


def _print_summary(
    context: dg.OpExecutionContext, ledger: Ledger, outcomes: Sequence[SeriesOutcome]
) -> None:
    refused = sum(o.state == "refused" for o in outcomes)
    done = sum(o.state == "done" for o in outcomes)
    context.log.info(
        f"Series: {done} of {len(outcomes) - refused} done, {refused} refused. "
        "Slices: " + ", ".join(f"{n} {state}" for state, n in total_counts(outcomes).items())
    )
    if ledger.unassigned:
        failed = sum(s.judgement.state == "failed" for s in ledger.unassigned)
        context.log.info(
            f"Files in no series: {len(ledger.unassigned)}, "
            f"{len(ledger.unassigned) - failed} refused, {failed} failed"
        )


def require_done(outcomes: Sequence[SeriesOutcome]) -> None:
    """Check that every series of a run is done or refused.

    Parameters
    ----------
    outcomes : sequence of SeriesOutcome
        One per series of the run.

    Raises
    ------
    dagster.Failure
        If one is not; it names each with its reason.
    """
    problems = _problems(outcomes)
    if problems:
        raise dg.Failure(
            f"Problems: {len(problems)} of {len(outcomes)} series:\n  " + "\n  ".join(problems),
            allow_retries=False,
        )


def _problems(outcomes: Sequence[SeriesOutcome]) -> list[str]:
    problems = [
        f"series {o.series.series_instance_uid} {o.state}: {o.why}"
        for o in outcomes
        if o.state not in ("done", "refused")
    ]
    return problems + [
        f"series {o.series.series_instance_uid}, DICOM objects: {one_line(o.after_scoring)}"
        for o in outcomes
        if o.after_scoring
    ]
