"""Which steps of a series a run has to do."""

from ich_assets.current_records import current_records, may_hold, series_steps
from ich_assets.resources import SeriesResources
from ich_resources.series import SeriesRecord
from ich_resources.steps import BY_NAME, PROCESSED
from ich_resources.storage.failures import CHECKS, UNCHECKED
from ich_resources.subjects import series_subject


def steps_to_run(series: SeriesRecord, resources: SeriesResources) -> list[str]:
    """Return the steps without a valid result, and those whose failed slices are tried again."""
    steps = series_steps(resources)
    subject = series_subject(series.series_instance_uid)
    failure = resources.storage.records.failures.find(subject)
    if failure is not None and failure.step == CHECKS:
        return steps
    records = current_records(series, resources)
    unchecked = failure is not None and failure.step == UNCHECKED
    return [
        step
        for step in steps
        if step not in records
        or records[step].content.worth_repeating
        or (unchecked and BY_NAME[step].has_checks)
    ]


def steps_left(series: SeriesRecord, resources: SeriesResources, began: float) -> list[str]:
    """Return the steps that a run has to do, under the lock of the series.

    Slices that failed in a run that ended since ``began`` are not tried again: it has just done so.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger.
    resources : SeriesResources
        Checkpoints and options.
    began : float
        When the run began, in seconds since 1970.
    """
    records, subject = resources.storage.records, series_subject(series.series_instance_uid)
    steps = steps_to_run(series, resources)
    current = current_records(series, resources)
    failure = records.failures.find(subject)
    if steps and current.keys() >= set(series_steps(resources)) and failure is None:
        return [step for step in steps if records.finished_since(subject, step, began) is None]
    if steps and PROCESSED not in steps and not records.is_whole(subject, PROCESSED):
        return [PROCESSED, *steps]  # the other steps would read damaged crops
    return steps


def steps_known_to_run(
    steps: list[str], series: SeriesRecord, resources: SeriesResources
) -> list[str]:
    """Return the steps to run that need not wait for the outcome of another.

    Where only the code or the options of ``processed_series`` have changed, its images may be the
    same. Then the later results hold. So it runs alone first.

    Parameters
    ----------
    steps : list of str
        The steps without a valid result.
    series : SeriesRecord
        From the ledger.
    resources : SeriesResources
        Checkpoints and options.
    """
    failure = resources.storage.records.failures.find(series_subject(series.series_instance_uid))
    checks_run_again = failure is not None and failure.step in (CHECKS, UNCHECKED)
    if PROCESSED not in steps or checks_run_again:
        return steps
    return [PROCESSED] if may_hold(series, resources) - {PROCESSED} else steps
