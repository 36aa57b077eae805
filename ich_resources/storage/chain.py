"""Which results on disk are valid, step by step: one walk for every question of that kind."""

from collections.abc import Callable, Iterable, Mapping

from ich_resources.series import SeriesRecord
from ich_resources.steps import BY_NAME, SOURCE, STEPS, Step
from ich_resources.storage.content import Content
from ich_resources.storage.outcome import SeriesOutcome, judge_outcome
from ich_resources.storage.record import Record
from ich_resources.storage.records import Records
from ich_resources.subjects import Subject, series_subject

Accepts = Callable[[Step, Record[Content], Mapping[str, str]], bool]
"""(step, its record, data versions of its inputs by name) -> whether the result counts."""


def walk(
    records: Records,
    subject: Subject,
    steps: Iterable[Step],
    versions: Mapping[str, str],
    accepts: Accepts,
) -> dict[str, Record[Content]]:
    """Return the valid records of a subject, by step, in the order of the steps.

    Parameters
    ----------
    records : Records
        Those of the run root.
    subject : Subject
        The subject of the records.
    steps : iterable of Step
        Each after the steps that it needs.
    versions : mapping of str to str
        Data version of each source, by name.
    accepts : callable
        Asked for each record whose inputs were all accepted.
    """
    found: dict[str, Record[Content]] = {}
    known = dict(versions)
    for step in steps:
        record = records.find(subject, step.name)
        if record is None or not known.keys() >= set(record.content.inputs(step)):
            continue
        if accepts(step, record, known):
            found[step.name], known[step.name] = record, record.data_version
    return found


def consistent_records(series: SeriesRecord, records: Records) -> dict[str, Record[Content]]:
    """Return the results that were made from the current slices of a series, and from each other.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger of the last scan.
    records : Records
        Those of the run root.

    Returns
    -------
    dict of str to Record
        By step, with any options. A step whose input was made again since then is left out. So are
        the predictions of a backbone that the ensemble did not use.
    """
    found = made_together(series, records)
    used = {name for step in found for name in found[step].content.inputs(BY_NAME[step])}
    return {step: found[step] for step in found if step in used or not _left_out(step, found)}


def made_together(series: SeriesRecord, records: Records) -> dict[str, Record[Content]]:
    """Return the same results, and those that later results have not used.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger of the last scan.
    records : Records
        Those of the run root.
    """
    subject = series_subject(series.series_instance_uid)
    return walk(
        records,
        subject,
        STEPS,
        {SOURCE: series.version},
        lambda _, record, versions: record.content.was_made_from(versions, record.inputs_digest),
    )


def _left_out(step: str, found: Mapping[str, Record[Content]]) -> bool:
    """Return whether a step need not be there, and the later results were made without it."""
    later = [name for name in found if step in BY_NAME[name].needs]
    return bool((BY_NAME[step].backbone or BY_NAME[step].option) and later)


def outcome_on_disk(series: SeriesRecord, records: Records) -> SeriesOutcome:
    """Return what became of a series, with any options.

    Parameters
    ----------
    series : SeriesRecord
        From the ledger.
    records : Records
        Those of the run root.
    """
    failure = records.failures.find(series_subject(series.series_instance_uid))
    return judge_outcome(series, consistent_records(series, records), failure)
