"""The life of a series: each row of the table, and invariants whatever happens in any order."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ich_resources.arrivals import Arrival, Cause
from ich_resources.inbox.facts import ResultFacts, RunFacts
from ich_resources.inbox.faults import (
    LONGEST_WAIT_S,
    Fault,
    cause_after,
    cause_seen,
    seconds_to_wait,
)
from ich_resources.inbox.lifecycle import (
    ATTEMPTS,
    after_run,
    judged,
    requested,
    to_be_repeated,
    unjudged,
    was_judged,
)
from ich_resources.reasons import Reason
from ich_resources.series import Judgement, SeriesRecord, SliceRecord

ASKED = Arrival("1.2", "1", state="admitted", version="v", requested_version="v", request_id="r")
NOTHING = ResultFacts("waiting")
DIED = RunFacts("run", "failed", began=True)
BACKLOG = RunFacts("run", "failed", alone=False)
CAUSE = Cause("DISK", "full", since=0, met=0)


@pytest.mark.parametrize(
    ("run", "result", "phase", "attempts", "fault"),
    [
        (None, NOTHING, "due", 0, ""),
        (RunFacts("run", "waiting"), NOTHING, "requested", 0, ""),
        (RunFacts("run", "working"), NOTHING, "running", 0, ""),
        (RunFacts("run", "working"), ResultFacts("done"), "running", 0, ""),
        (RunFacts("run", "working", alone=False), ResultFacts("done"), "done", 0, ""),
        (RunFacts("run", "working", alone=False), NOTHING, "running", 0, ""),
        (RunFacts("run", "succeeded"), ResultFacts("done"), "done", 0, ""),
        (RunFacts("run", "succeeded"), ResultFacts("incomplete"), "incomplete", 0, ""),
        (DIED, ResultFacts("failed", cause="NOT_HU"), "failed", 0, ""),
        (DIED._replace(error="bad", by_check=True), ResultFacts("done"), "failed", 0, ""),
        (DIED, ResultFacts("failed", cause="CheckpointError"), "due", 0, "CheckpointError"),
        (DIED, ResultFacts("failed", cause="DISK"), "due", 0, "DISK"),
        (DIED, ResultFacts("incomplete", moved=True), "due", 1, ""),
        (DIED._replace(repeats=True), NOTHING, "requested", 0, ""),
        (RunFacts("run", "cancelled", alone=False), NOTHING, "failed", 0, ""),
        (DIED._replace(error="a bug"), NOTHING, "failed", 0, ""),
        (DIED._replace(error="Interrupted", interrupted=True), NOTHING, "due", 0, ""),
        (
            BACKLOG._replace(began=True, interrupted=True),
            ResultFacts("waiting", at_work=True),
            "due",
            0,
            "",
        ),
        (DIED, ResultFacts("waiting", at_work=True), "due", 1, ""),
        (BACKLOG._replace(began=True), ResultFacts("waiting", at_work=True), "due", 1, ""),
        (BACKLOG._replace(began=True), NOTHING, "due", 0, ""),
        (BACKLOG._replace(error="no checkpoints"), NOTHING, "due", 0, "RUN"),
        (BACKLOG, NOTHING, "due", 0, "RUN"),
        (RunFacts("run", "succeeded", alone=False), NOTHING, "due", 0, ""),
    ],
)
def test_what_follows_the_end_of_a_run(run, result, phase, attempts, fault):
    decision = after_run(ASKED, run, result)
    assert (decision.arrival.phase(), decision.arrival.attempts) == (phase, attempts)
    assert (decision.fault.code if decision.fault else "") == fault
    if phase == "due":
        assert decision.arrival.phase(CAUSE) == "waiting"
    assert decision.note is None or decision.arrival.state == "failed"


def test_the_third_death_at_work_fails_the_series_with_the_code_of_the_death():
    twice = replace(ASKED, attempts=ATTEMPTS - 1)
    hang = ResultFacts("waiting", "it took longer than 600 s", at_work=True, cause="HANG")
    decision = after_run(twice, DIED, hang)
    assert decision.arrival.state == "failed"
    assert decision.note.code == "HANG"
    assert "3 times without a result" in decision.note.sentence
    assert "longer than 600 s" in decision.note.sentence
    assert after_run(twice, DIED, hang._replace(cause="", sentence="")).note.code == "RUN"


def test_files_that_moved_three_times_give_their_result():
    twice = replace(ASKED, attempts=ATTEMPTS - 1)
    assert after_run(twice, DIED, ResultFacts("incomplete", moved=True)).arrival.state == (
        "incomplete"
    )


def test_a_result_of_an_earlier_attempt_does_not_end_a_series_that_runs_again():
    again, working = replace(ASKED, attempts=1), RunFacts("run", "working", alone=False)
    assert after_run(again, working, ResultFacts("incomplete")).arrival.state == "running"


def test_a_new_version_has_new_attempts_and_the_same_keeps_them():
    found = _series(2)
    before = replace(ASKED, version=found.version, attempts=2)
    assert judged(before, found).attempts == 2
    assert judged(before, _series(3)).attempts == 0


def test_runs_that_meet_a_fault_are_waited_for_longer_and_longer():
    cause, waits = None, []
    for number in range(8):
        cause = cause_after(cause, [Fault("RUN", "x", f"r{number}")], progress=True, now=100.0)
        waits.append(seconds_to_wait(cause, 100.0))
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]
    assert seconds_to_wait(cause, 399.0) == 1
    assert seconds_to_wait(cause, 400.0) == 0
    assert seconds_to_wait(cause, 50.0) == 0  # the clock was set back
    assert cause.since == 100.0


def test_two_series_of_one_run_are_one_fault_and_a_run_that_comes_further_ends_it():
    both = [Fault("DISK", "full", "r"), Fault("DISK", "full", "r")]
    cause = cause_after(None, both, progress=False, now=5.0)
    assert cause.times == 1
    assert cause_after(cause, both, progress=False, now=9.0) == cause
    assert cause_after(cause, [], progress=False, now=9.0) == cause
    assert cause_after(cause, [], progress=True, now=9.0) is None


def test_what_the_sensor_sees_stands_until_it_sees_it_no_more():
    cause = cause_seen(None, ("CheckpointError", "missing"), 5.0)
    assert seconds_to_wait(cause, 1e9) == float("inf")
    assert cause_after(cause, [], progress=True, now=6.0) == cause
    assert cause_seen(cause, ("CheckpointError", "missing"), 7.0) == cause
    assert cause_seen(cause, None, 8.0) is None
    of_a_run = cause_after(None, [Fault("RUN", "x", "r")], progress=False, now=5.0)
    assert cause_seen(of_a_run, None, 6.0) == of_a_run


def test_a_failed_series_that_is_repeated_is_due_with_new_attempts():
    failed = replace(ASKED, state="failed", attempts=3, codes="RUN")
    again = to_be_repeated(failed)
    assert (again.phase(), again.attempts, again.version) == ("due", 0, "v")
    assert was_judged(failed)
    assert not was_judged(unjudged(ASKED, "ValueError"))


def _series(slices: int, *, refused: bool = False) -> SeriesRecord:
    judgement = Judgement("refused", Reason.LOCALIZER, "a scout") if refused else None
    found = tuple(SliceRecord(f"{n}", f"1.2.{n}", f"d{n}", judgement) for n in range(slices))
    return SeriesRecord("1", "1.2", "head", found, input_dir="/inbox")


class Lives(RuleBasedStateMachine):
    """Three series, whose files come, change and go, and whose runs die at any boundary.

    The world holds what Dagster and the disk would: the runs, and the versions with a result.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.arrivals = {uid: Arrival(uid, "1") for uid in ("a", "b", "c")}
        self.slices = dict.fromkeys(self.arrivals, 0)
        self.runs: dict[str, dict] = {}
        self.results: set[tuple[str, str]] = set()
        self.notes: dict[tuple[str, str], str] = {}
        self.scored: list[tuple[str, str]] = []
        self.cause: Cause | None = None
        self.broken = False

    series = st.sampled_from(["a", "b", "c"])

    @rule(uid=series)
    def files_come(self, uid):
        self.slices[uid] += 1
        self.arrivals[uid] = replace(self.arrivals[uid], state="arriving")

    @precondition(lambda self: any(a.state == "arriving" for a in self.arrivals.values()))
    @rule(policy_refuses=st.booleans())
    def the_quiet_are_judged(self, policy_refuses):
        for uid, arrival in self.arrivals.items():
            if arrival.state == "arriving" and self.slices[uid]:
                found = _series(self.slices[uid], refused=policy_refuses)
                self.arrivals[uid] = judged(arrival, found)

    @rule(seconds=st.floats(-500, 500))
    def the_clock_goes_on_or_jumps(self, seconds):
        self.now += seconds

    @rule(broken=st.booleans())
    def the_machine_breaks_or_is_mended(self, broken):
        self.broken = broken

    @rule(lost=st.booleans())
    def a_request_is_made(self, lost):
        due = [a for a in self.arrivals.values() if a.due]
        if not due or seconds_to_wait(self.cause, self.now):
            return
        request_id = f"r{len(self.runs)}"
        for arrival in due:
            self.arrivals[arrival.series_instance_uid] = requested(arrival, request_id)
        if not lost:
            self.runs[request_id] = {
                "left": [(a.series_instance_uid, a.version) for a in due],
                "status": "waiting",
                "began": False,
                "at_work": None,
            }
        else:
            self.runs[request_id] = None

    def _open(self):
        return [
            run for run in self.runs.values() if run and run["status"] in ("waiting", "working")
        ]

    @precondition(lambda self: self._open())
    @rule()
    def a_run_goes_on(self):
        run = self._open()[0]
        run["status"] = "working"
        if self.broken:
            run["status"] = "failed"
            for item in run["left"][:1] if run["began"] else []:
                self.notes[item] = "DISK"
        elif run["at_work"]:
            self.results.add(run["at_work"])
            self.scored.append(run["at_work"])
            run["at_work"] = None
        elif run["left"]:
            run["began"], run["at_work"] = True, run["left"].pop(0)
        else:
            run["status"] = "succeeded"

    @precondition(lambda self: self._open())
    @rule()
    def a_run_is_killed(self):
        self._open()[0]["status"] = "failed"

    @precondition(lambda self: self._open())
    @rule()
    def a_run_is_cancelled(self):
        self._open()[0]["status"] = "cancelled"

    def _result(self, arrival, run):
        key = arrival.series_instance_uid, arrival.version
        if key in self.results:
            return ResultFacts("done")
        if key in self.notes:
            return ResultFacts("failed", cause=self.notes[key])
        return ResultFacts("waiting", at_work=bool(run and run["at_work"] == key))

    @rule()
    def a_tick(self):
        faults, progress = [], False
        for uid, arrival in self.arrivals.items():
            if not arrival.unsettled:
                continue
            run = self.runs[arrival.request_id]
            facts = run and RunFacts(
                arrival.request_id, run["status"], alone=False, began=run["began"]
            )
            decision = after_run(arrival, facts, self._result(arrival, run))
            self.arrivals[uid] = decision.arrival
            if decision.fault:
                faults.append(decision.fault)
                self.notes.pop((uid, arrival.version), None)
            progress |= decision.progress
        self.cause = cause_after(self.cause, faults, progress=progress, now=self.now)

    @rule(uid=series)
    def somebody_repeats_what_failed(self, uid):
        arrival = self.arrivals[uid]
        if arrival.state == "failed":
            self.notes.pop((uid, arrival.version), None)
            self.arrivals[uid] = to_be_repeated(arrival)

    @invariant()
    def nothing_is_lost(self):
        """A version that is to be scored has a result, a failure, or a phase that leads to one."""
        for uid, arrival in self.arrivals.items():
            if arrival.state in ("admitted", "running"):
                assert arrival.due or arrival.request_id in self.runs
            if arrival.state == "done":
                assert (uid, arrival.version) in self.results

    @invariant()
    def nothing_is_done_twice(self):
        for arrival in self.arrivals.values():
            wanting = [
                run
                for run in self._open()
                if (arrival.series_instance_uid, arrival.version) in run["left"]
            ]
            assert len(wanting) <= 1
        assert len(set(self.scored)) == len(self.scored)

    @invariant()
    def only_what_was_at_work_is_blamed(self):
        assert all(a.attempts <= ATTEMPTS for a in self.arrivals.values())

    def teardown(self):
        """Every state leaves: with a machine that is mended, all that is to be scored ends."""
        self.broken = False
        for _ in range(60):
            self.now += LONGEST_WAIT_S
            self.the_quiet_are_judged(policy_refuses=False)
            self.a_tick()
            self.a_request_is_made(lost=False)
            while self._open():
                self.a_run_goes_on()
        for arrival in self.arrivals.values():
            seen = self.slices[arrival.series_instance_uid]
            assert arrival.state in ("done", "failed", "refused") or not seen


Lives.TestCase.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, derandomize=True, database=None
)
TestLives = Lives.TestCase
