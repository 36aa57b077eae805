"""What became of the runs that the sensor requested: from Dagster and the disk to facts."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Literal

import dagster as dg
from dagster import DagsterEventType, DagsterRun, DagsterRunStatus, RunsFilter

from ich_assets.graph import ich_series
from ich_assets.runtime.console import failure_text, is_interrupt
from ich_assets.runtime.run_tags import BATCH_TAG, REQUEST_TAG
from ich_resources.arrivals import Arrival
from ich_resources.errors import MACHINE_FAULTS, IchError, StorageError
from ich_resources.inbox.facts import ResultFacts, RunFacts
from ich_resources.inbox.faults import Fault
from ich_resources.inbox.index import InboxIndex
from ich_resources.inbox.lifecycle import Note, after_run, finished
from ich_resources.last_words import last_words
from ich_resources.reasons import Reason
from ich_resources.storage.chain import outcome_on_disk
from ich_resources.storage.failures import CHECKS, UNCHECKED
from ich_resources.storage.ledger import found_series
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.resource import StorageResource
from ich_resources.subjects import series_subject

_MOMENTARY = (Reason.CHANGED, Reason.UNREADABLE)
"""Codes of files that were judged whole and could not be read again, as with a sender at work."""
_WORKING = (DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)


class OutdatedError(Exception):
    """The ledger entry on disk is damaged, or a scan overwrote it: it must be written again."""


class Settling:
    """The state of the runs that the sensor requested, at one tick.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        It holds the runs.
    index : InboxIndex
        It holds the series, and gets their new states.
    storage : StorageResource
        It holds the results, and gets the notes of series that failed.

    Attributes
    ----------
    faults : list of Fault
        Faults of the machine that runs have met.
    progress : bool
        Whether a run came further than such a fault lets it come.
    scored : list of SeriesOutcome
        The series that got a result.
    ended : set of str
        Ids of the runs that have ended.
    """

    def __init__(
        self, instance: dg.DagsterInstance, index: InboxIndex, storage: StorageResource
    ) -> None:
        self._index, self._storage = index, storage
        self._run_of = cache(partial(_requested_run, instance))
        self.faults: list[Fault] = []
        self.progress = False
        self.scored: list[SeriesOutcome] = []
        self.ended: set[str] = set()

    def settle(self) -> None:
        """Store the new state of each series whose run has one."""
        for arrival in self._index.arrivals("admitted", "running"):
            if arrival.unsettled:
                self._reopening_outdated(arrival, self._settle_requested)
        # Somebody may have run a failed series by hand since then.
        for arrival in self._index.arrivals("failed"):
            subject = series_subject(arrival.series_instance_uid)
            if self._storage.records.finished_at(subject) is not None:
                self._reopening_outdated(arrival, self._settle_failed)

    def _reopening_outdated(self, arrival: Arrival, settle: Callable[[Arrival], None]) -> None:
        try:
            settle(arrival)
        except OutdatedError:
            self._index.reopen([arrival.series_instance_uid])

    def _settle_requested(self, arrival: Arrival) -> None:
        ids = [i for i in self._index.request_ids(arrival) if self._run_of(i) is not None]
        run = self._run_of(ids[0]) if ids else None
        outcome, result = None, ResultFacts("waiting")
        if run is not None and run.status != "waiting":
            outcome = outcome_of(self._storage, arrival)
            result = result_facts(self._storage, outcome, run)
            if run.status != "working":
                self.ended.add(run.run_id)
        decision = after_run(arrival, run, result)
        now = decision.arrival
        if decision.note is not None:
            now = self._keep(now, decision.note)
        if now != arrival:
            self._index.upsert([now], ended=ids if now.due else ())
        if decision.fault is not None:
            self.faults.append(decision.fault)
            forget_machine_fault(self._storage, arrival)
        self.progress = self.progress or decision.progress
        if outcome is not None and now.state in ("done", "incomplete"):
            self.scored.append(outcome)

    def _keep(self, failed: Arrival, note: Note) -> Arrival:
        """Write why a series failed beside its records; return it as the tables show it."""
        step = CHECKS if note.by_check else "run"
        subject = series_subject(failed.series_instance_uid)
        self._storage.records.failures.write(subject, step, IchError(note.sentence, code=note.code))
        outcome = outcome_of(self._storage, failed)
        return finished(failed, result_facts(self._storage, outcome, None))

    def _settle_failed(self, arrival: Arrival) -> None:
        outcome = outcome_of(self._storage, arrival)
        now = finished(arrival, result_facts(self._storage, outcome, None))
        if now != arrival:
            self._index.upsert([now])


def _requested_run(instance: dg.DagsterInstance, request_id: str) -> RunFacts | None:
    runs = instance.get_runs(RunsFilter(tags={REQUEST_TAG: request_id}), limit=1)
    return run_facts(instance, runs[0]) if runs else None


def forget_machine_fault(storage: StorageResource, arrival: Arrival) -> None:
    """Remove the note of a fault of the machine: the series waits, it has not failed."""
    subject, failures = series_subject(arrival.series_instance_uid), storage.records.failures
    note = failures.find(subject)
    if note is not None and note.code in MACHINE_FAULTS:
        failures.clear(subject, note.step)


def run_facts(instance: dg.DagsterInstance, run: DagsterRun) -> RunFacts:
    """Return what Dagster says of a run that the sensor requested."""
    alone = run.job_name == ich_series.name
    if not run.is_finished:
        working = run.status in _WORKING
        return RunFacts(run.run_id, "working" if working else "waiting", alone)
    error = _why(instance, run)
    status: Literal["succeeded", "cancelled", "failed"] = "failed"
    if run.status == DagsterRunStatus.SUCCESS:
        status = "succeeded"
    elif run.status == DagsterRunStatus.CANCELED:
        status = "cancelled"
    return RunFacts(
        run.run_id,
        status,
        alone,
        repeats=run.tags.get("dagster/will_retry") == "true",
        began=_began(instance, run, alone=alone),
        interrupted=is_interrupt(error),
        error="" if error is None else failure_text(error),
        by_check=error is not None and error.cls_name == "DagsterAssetCheckFailedError",
    )


def _began(instance: dg.DagsterInstance, run: DagsterRun, *, alone: bool) -> bool:
    """Return whether a run had begun a series."""
    if alone:
        events = instance.get_records_for_run(run.run_id, of_type=DagsterEventType.STEP_START)
        return bool(events.records)
    inside = RunsFilter(job_name=ich_series.name, tags={BATCH_TAG: run.run_id})
    return instance.get_runs_count(inside) > 0


def _why(instance: dg.DagsterInstance, run: DagsterRun) -> Any:
    """Return the error of the step that failed, None where none did."""
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE):
        if entry.dagster_event is not None:
            return entry.dagster_event.step_failure_data.error
    return None


def outcome_of(storage: StorageResource, arrival: Arrival) -> SeriesOutcome:
    """Return what became of the version of a series that the inbox knows.

    Raises
    ------
    OutdatedError
        If the ledger entry on disk is of another version, or damaged.
    """
    try:
        series = found_series(storage.layout, arrival.series_instance_uid)
    except StorageError as err:
        raise OutdatedError from err
    if series.version != arrival.version:
        raise OutdatedError
    return outcome_on_disk(series, storage.records)


def result_facts(
    storage: StorageResource, outcome: SeriesOutcome, run: RunFacts | None
) -> ResultFacts:
    """Return what is on disk of a series.

    Parameters
    ----------
    storage : StorageResource
        Where its note is.
    outcome : SeriesOutcome
        Its results.
    run : RunFacts or None
        The run that was requested for it, if that is the question.
    """
    note = storage.records.failures.find(series_subject(outcome.series.series_instance_uid))
    at_work = False
    if run is not None:
        by_note = note is not None and note.is_of_run(run.run_id)
        at_work = run.began if run.alone else by_note
    # Of a run that did not come to its end, only a cause that the run itself wrote says more.
    unnamed = note is not None and note.step == UNCHECKED and note.code == IchError.__name__
    known = note is not None and not unnamed and (outcome.state == "failed" or at_work)
    sentence = f"{outcome.scored} slices scored"
    sentence += f"; DICOM objects: {outcome.after_scoring}" if outcome.after_scoring else ""
    if outcome.state in ("failed", "incomplete"):
        sentence = outcome.why or sentence
    elif outcome.state == "waiting":
        sentence = note.message if note is not None and known else ""
        if run is not None and not sentence:
            sentence = last_words(storage.layout.last_words(run.run_id))
    return ResultFacts(
        outcome.state,
        sentence,
        _codes(outcome),
        outcome.count("failed"),
        cause=note.code if note is not None and known else "",
        at_work=at_work,
        moved=any(item.code in _MOMENTARY for item in outcome.not_scored),
    )


def _codes(outcome: SeriesOutcome) -> str:
    codes = [outcome.reasons, *(remark.partition(":")[0] for remark in outcome.remarks)]
    return ", ".join(code for code in codes if code)
