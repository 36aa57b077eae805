"""The life of a series in the inbox: which state follows which, decided without Dagster or a disk.

=========== ========== ==================================================== =================
phase       state      means                                                leaves by
=========== ========== ==================================================== =================
arriving    arriving   files may still come                                 judgement, all gone
due         admitted   complete, and no run is requested for this version   request, cause
waiting     admitted   due, and a fault of the machine stands (``Cause``)   end of the cause
requested   admitted   its run is requested, or waits in Dagster's queue    start or end of the run
running     running    its run has started                                  end of the run
done        done       every slice that should be scored was scored         new files
incomplete  incomplete some slices failed, the others were scored           new files, ich_retry
failed      failed     it has no result for this version                    new files, run by hand,
                                                                            ich_retry
refused     refused    no slice of it is to be scored                       new files of its study
held        held       files of an earlier version are gone                 the files come back
=========== ========== ==================================================== =================

The end of a run (``after_run``) is read in this order; the first row that fits counts:

============================================== ===================================================
what happened                                  what follows
============================================== ===================================================
Dagster never stored the request               due
a blocking check failed, in a run of its own   failed, CHECK_FAILED
its step met a fault of the machine            due, and the cause stands
it has a result, and files of it had changed   due, with an attempt more; at the third: its result
it has a result, or a step of it failed        done, incomplete or failed
Dagster repeats the run by itself              requested
somebody terminated the run                    failed, RUN
the services were stopped while it worked      due
a run of its own ended with another error      failed, RUN
the run died while it worked on this series    due, with an attempt more; at the third: failed
the run died, and had begun another series     due
the run died before it began a series          due, and the cause stands
============================================== ===================================================
"""

from dataclasses import replace
from typing import NamedTuple

from ich_resources.arrivals import Arrival, ArrivalState
from ich_resources.errors import MACHINE_FAULTS
from ich_resources.inbox.facts import ResultFacts, RunFacts
from ich_resources.inbox.faults import Fault
from ich_resources.inbox.growth import OpenSeries
from ich_resources.series import SeriesRecord

ATTEMPTS = 3
"""Runs that may end while they work on one version of a series. Then it is failed."""
RUN_DIED = "RUN"
"""Code of a series whose run did not come to its end, and of runs that begin no series."""
_UNJUDGED = "it cannot be judged"


class Note(NamedTuple):
    """Why a series failed, to be kept beside its records: code and sentence."""

    code: str
    sentence: str
    by_check: bool = False


class Decision(NamedTuple):
    """What follows for a series.

    Attributes
    ----------
    arrival : Arrival
        Its new state.
    note : Note or None
        To be written beside its records, where it failed without a note of its own.
    fault : Fault or None
        A fault of the machine that its run has met.
    progress : bool
        Whether its run has shown that no fault of the machine stands.
    """

    arrival: Arrival
    note: Note | None = None
    fault: Fault | None = None
    progress: bool = False


def arriving(before: Arrival, series: OpenSeries, seconds_left: float) -> Arrival:
    """Return a series of which files may still come.

    Parameters
    ----------
    before : Arrival
        The series as the inbox knew it.
    series : OpenSeries
        Its files now: ``files`` and ``last_seen`` count.
    seconds_left : float
        Seconds until the series is complete, if no further file comes.
    """
    return replace(
        before,
        state="arriving",
        files=series.files,
        last_seen=series.last_seen,
        sentence=f"{series.files} files, {seconds_left:.0f} s left",
    )


def unjudged(before: Arrival, error: str) -> Arrival:
    """Return a series that is complete and cannot be judged, because of an error in our code."""
    return replace(before, state="failed", sentence=f"{_UNJUDGED}: {error}")


def was_judged(failed: Arrival) -> bool:
    """Return whether a failed series was judged: otherwise its files are judged again first."""
    return not failed.sentence.startswith(_UNJUDGED)


def to_be_repeated(failed: Arrival) -> Arrival:
    """Return a failed or incomplete series that somebody wants repeated: due, as if it were new."""
    return replace(_due_again(failed, "it is to be repeated"), request_id="", attempts=0)


def on_hold(before: Arrival, gone: int) -> Arrival:
    """Return a series of which so many slices of an earlier version are gone."""
    sentence = (
        f"{gone} slices of the version before are gone from the inbox, and a part does not "
        "take the place of the whole: put them back to have it scored anew"
    )
    return replace(before, state="held", sentence=sentence)


def judged(before: Arrival, series: SeriesRecord) -> Arrival:
    """Return a series with the result of its judgement; a new version has new attempts."""
    return replace(
        before,
        study_instance_uid=series.study_instance_uid,
        description=series.description,
        state="admitted" if series.to_be_scored else "refused",
        admitted=series.count("admitted"),
        refused=series.count("refused"),
        failed=series.count("failed"),
        codes=series.codes,
        sentence=series.sentence,
        version=series.version,
        attempts=before.attempts if series.version == before.version else 0,
    )


def requested(due: Arrival, request_id: str) -> Arrival:
    """Return a due series for which a run is requested."""
    return replace(
        due,
        requested_version=due.version,
        request_id=request_id,
        sentence="its run is requested",
    )


def finished(arrival: Arrival, result: ResultFacts) -> Arrival:
    """Return a series with the state that its results on disk give it."""
    if result.state == "waiting":
        return arrival
    sentence = arrival.sentence if result.state == "refused" else result.sentence
    state: ArrivalState = result.state
    return replace(
        arrival, state=state, failed=result.failed, codes=result.codes, sentence=sentence
    )


def after_run(arrival: Arrival, run: RunFacts | None, result: ResultFacts) -> Decision:
    """Decide what follows for a series whose run was requested.

    Parameters
    ----------
    arrival : Arrival
        ``requested`` or ``running``.
    run : RunFacts or None
        Its run; None if Dagster has no run with the id of the request.
    result : ResultFacts
        What is on disk.
    """
    if run is None:
        return Decision(_due_again(arrival))
    if run.status == "waiting":
        sentence = f"run {run.run_id} is queued"
        return Decision(replace(arrival, state="admitted", sentence=sentence))
    if run.status == "working":
        return _under_way(arrival, run, result)
    return _ended(arrival, run, result)


def _due_again(arrival: Arrival, sentence: str = "it waits for another run") -> Arrival:
    return replace(arrival, state="admitted", requested_version="", sentence=sentence)


def _under_way(arrival: Arrival, run: RunFacts, result: ResultFacts) -> Decision:
    # A result of an earlier attempt may still be there: then only the end of the run says more.
    over = result.state in ("done", "incomplete", "failed") and not arrival.attempts
    if run.alone or not over or result.cause in MACHINE_FAULTS:
        return Decision(replace(arrival, state="running", sentence=f"in run {run.run_id}"))
    return Decision(finished(arrival, result), progress=True)


def _ended(arrival: Arrival, run: RunFacts, result: ResultFacts) -> Decision:
    if run.alone and run.by_check and run.status == "failed":
        return _failed(arrival, Note("CHECK_FAILED", run.error, by_check=True))
    if result.cause in MACHINE_FAULTS:
        fault = Fault(result.cause, result.sentence, run.run_id)
        return Decision(_due_again(arrival), fault=fault)
    if result.state != "waiting":
        if result.moved and arrival.attempts + 1 < ATTEMPTS:
            again = replace(_due_again(arrival), attempts=arrival.attempts + 1)
            return Decision(again, progress=True)
        return Decision(finished(arrival, result), progress=True)
    return _ended_without_result(arrival, run, result)


def _ended_without_result(arrival: Arrival, run: RunFacts, result: ResultFacts) -> Decision:
    if run.repeats:
        sentence = f"run {run.run_id} died and is repeated"
        return Decision(replace(arrival, state="admitted", sentence=sentence))
    if run.status == "cancelled":
        return _failed(arrival, Note(RUN_DIED, f"run {run.run_id} was cancelled"))
    if run.interrupted:
        return Decision(_due_again(arrival))
    if run.alone and run.error:
        return _failed(arrival, Note(RUN_DIED, run.error))
    if result.at_work:
        return _died(arrival, result)
    if run.began or run.status == "succeeded":
        return Decision(_due_again(arrival), progress=True)
    why = run.error or f"run {run.run_id} ended before it began a series"
    return Decision(_due_again(arrival), fault=Fault(RUN_DIED, why, run.run_id))


def _died(arrival: Arrival, result: ResultFacts) -> Decision:
    attempts = arrival.attempts + 1
    again = replace(arrival, attempts=attempts)
    if attempts < ATTEMPTS:
        return Decision(_due_again(again), progress=True)
    why = f"its run ended {attempts} times without a result"
    if result.sentence:
        why += f"; the last time: {result.sentence}"
    return _failed(again, Note(result.cause or RUN_DIED, why))


def _failed(arrival: Arrival, note: Note) -> Decision:
    failed = replace(arrival, state="failed", codes=note.code, sentence=note.sentence)
    return Decision(failed, note=note, progress=True)
