"""Every slice found is scored, refused, failed or waiting: the sums always agree."""

from itertools import product

import pytest
from contents import failed_slice, processed_content, processed_slice, saliency_content

from ich_resources.reasons import Reason
from ich_resources.series import Judgement, SeriesRecord, SliceRecord
from ich_resources.steps import PROCESSED, SALIENCY
from ich_resources.storage.failures import Failure
from ich_resources.storage.outcome import NOT_RUN, judge_outcome
from ich_resources.storage.record import Record

REFUSED = Judgement("refused", Reason.LOCALIZER, "a localizer")
FAILED = Judgement("failed", Reason.NO_PIXELS, "it has no PixelData")
FAILURE = Failure("processed_series", "DECODE_FAILED", "it cannot be decoded")


def series(*judgements: Judgement | None) -> SeriesRecord:
    """Return a series with one slice per judgement."""
    slices = (SliceRecord(f"{i}.dcm", f"1.{i}", "d", j) for i, j in enumerate(judgements))
    return SeriesRecord("1", "1.2", "head", tuple(slices))


def processed(found: SeriesRecord, bad: int = 0) -> Record:
    """Return what processed_series says of a series of which the last ``bad`` cannot be decoded."""
    admitted = [s for s in found.slices if s.judgement is None]
    good = len(admitted) - bad
    content = processed_content(
        slices=tuple(processed_slice(s.sop_instance_uid) for s in admitted[:good]),
        failed=tuple(failed_slice(s.sop_instance_uid, path=s.path) for s in admitted[good:]),
    )
    return Record("r", "v", (), content)


PANELS = Record("r", "v", (), saliency_content())


def counts(outcome) -> tuple[int, int, int, int]:
    return outcome.scored, outcome.count("refused"), outcome.count("failed"), outcome.waiting


# judgements, undecodable slices (None: not processed), panels drawn, failure noted
#   -> state, (scored, refused, failed, waiting)
CASES = [
    ([None, None], 0, True, False, "done", (2, 0, 0, 0)),
    ([None, None, REFUSED], 0, True, False, "done", (2, 1, 0, 0)),
    ([None, None, FAILED], 0, True, False, "incomplete", (2, 0, 1, 0)),
    ([None, None, REFUSED], 1, True, False, "incomplete", (1, 1, 1, 0)),
    ([REFUSED, REFUSED], None, False, False, "refused", (0, 2, 0, 0)),
    ([REFUSED], None, False, True, "refused", (0, 1, 0, 0)),
    ([None, None], None, False, False, "waiting", (0, 0, 0, 2)),
    ([None, FAILED, REFUSED], None, False, False, "waiting", (0, 1, 1, 1)),
    ([None, None], 1, False, False, "waiting", (0, 0, 1, 1)),
    ([None, None], None, False, True, "failed", (0, 0, 2, 0)),
    ([None, None, FAILED], 1, False, True, "failed", (0, 0, 3, 0)),
    ([FAILED, REFUSED], None, False, False, "failed", (0, 1, 1, 0)),
    ([FAILED, FAILED], None, False, True, "failed", (0, 0, 2, 0)),
]


@pytest.mark.parametrize(("judgements", "bad", "drawn", "failed", "state", "expected"), CASES)
def test_states_and_counts(judgements, bad, drawn, failed, state, expected):
    found = series(*judgements)
    records = {} if bad is None else {PROCESSED: processed(found, bad)}
    records |= {SALIENCY: PANELS} if drawn else {}
    outcome = judge_outcome(found, records, FAILURE if failed else None)
    assert outcome.state == state
    assert counts(outcome) == expected
    assert bool(outcome.failure) is (state == "failed")


def test_every_state_is_among_the_cases():
    assert {case[4] for case in CASES} == {"done", "incomplete", "failed", "refused", "waiting"}


@pytest.mark.parametrize("judgements", list(product([None, REFUSED, FAILED], repeat=3)))
@pytest.mark.parametrize("failure", [None, FAILURE])
def test_the_sum_is_what_was_found(judgements, failure):
    """Whatever was judged, processed, drawn and noted."""
    found = series(*judgements)
    admitted = found.count("admitted")
    for bad in range(max(admitted, 1)):
        for steps in ((), (PROCESSED,), (PROCESSED, SALIENCY)):
            if steps and not admitted:
                continue
            made = {PROCESSED: processed(found, bad), SALIENCY: PANELS}
            outcome = judge_outcome(found, {step: made[step] for step in steps}, failure)
            assert sum(counts(outcome)) == 3
            assert len(outcome.not_scored) == outcome.count("refused") + outcome.count("failed")


def test_a_good_slice_of_a_failed_series_says_why():
    outcome = judge_outcome(series(None, FAILED), {}, FAILURE)
    assert outcome.failure == "it cannot be decoded"
    own, shared = outcome.not_scored
    assert (own.path, own.code, own.reason) == ("1.dcm", "NO_PIXELS", "it has no PixelData")
    assert (shared.path, shared.code) == ("0.dcm", NOT_RUN)
    assert "it cannot be decoded" in shared.reason


def test_a_failed_series_nobody_ran_says_why():
    assert judge_outcome(series(FAILED), {}, None).failure == "no slice of it can be used"


def test_a_failure_of_old_does_not_undo_a_result():
    found = series(None)
    outcome = judge_outcome(found, {PROCESSED: processed(found), SALIENCY: PANELS}, FAILURE)
    assert (outcome.state, outcome.failure) == ("done", "")


@pytest.mark.parametrize(
    ("judgements", "expected"),
    [
        ([None], ""),
        ([REFUSED], "LOCALIZER"),
        ([FAILED, REFUSED, None, REFUSED], "LOCALIZER x2, NO_PIXELS"),
    ],
)
def test_reasons_are_counted(judgements, expected):
    assert judge_outcome(series(*judgements), {}, None).reasons == expected
