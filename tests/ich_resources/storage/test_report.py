"""The report: what ran, with what, and the accounting of every file."""

import json
from dataclasses import replace
from typing import get_args

import pytest
from contents import ensemble_content, predictions_content, processed_content

from ich_resources.reasons import Reason
from ich_resources.series import Judgement, Ledger, SeriesRecord, SliceRecord, UnassignedFile
from ich_resources.steps import CODE_VERSIONS, DICOM_RESULTS, ENSEMBLE, PROCESSED, SEQUENCE, STEPS
from ich_resources.storage.outcome import NotScored, SeriesOutcome, SeriesState
from ich_resources.storage.record import Record
from ich_resources.storage.report import DISCLAIMER, PACKAGES, STATES, run_report

UNASSIGNED = UnassignedFile("DICOMDIR", Judgement("refused", Reason.DICOMDIR, "a directory"))


def outcome(uid: str, state: SeriesState, *, untrained: bool = False) -> SeriesOutcome:
    """Return a series of four slices, two scored in 0.25 s and 1.5 s, two not."""
    slices = tuple(SliceRecord(f"{i}", f"{uid}.{i}", "d", copies=("c",)) for i in range(4))
    not_scored = (
        NotScored("2", f"{uid}.2", "refused", "LOCALIZER", "a localizer"),
        NotScored("3", f"{uid}.3", "failed", "NO_PIXELS", "no PixelData"),
    )
    records = {
        PROCESSED: Record("", "", (), processed_content(seconds=0.25)),
        "densenet121_predictions": Record(
            "", "", (), predictions_content(seconds=1.5, untrained=untrained)
        ),
        ENSEMBLE: Record("", "", (), ensemble_content(seconds=0.0, untrained=untrained)),
    }
    series = SeriesRecord("1", uid, "", slices)
    return SeriesOutcome(series, records, state, 2, 0, not_scored)


OUTCOMES = [outcome("1.10", "done"), outcome("1.11", "incomplete")]


def report(outcomes: list[SeriesOutcome]) -> dict:
    ledger = Ledger(("/in",), tuple(o.series for o in outcomes), (UNASSIGNED,), 12, 3)
    checkpoint = {"backbone": "b", "file": "f", "sha256": "0"}
    return run_report(
        ledger,
        outcomes,
        options={"batch_size": 16},
        checkpoints=[checkpoint],
        seconds={"batch": 4.5},
        written="2026-01-31 12:00:00+00:00",
        left_behind=["1.99"],
    )


def test_what_ran_with_what():
    found = report(OUTCOMES)
    assert found["disclaimer"] == DISCLAIMER == "Research use only. Not for diagnosis."
    assert found["input"] == ["/in"]
    assert found["options"] == {"batch_size": 16}
    assert found["checkpoints"] == [{"backbone": "b", "file": "f", "sha256": "0"}]
    codes = {step.code for step in STEPS} - {SEQUENCE, DICOM_RESULTS}  # no part in these results
    assert found["code_versions"] == {code: CODE_VERSIONS[code] for code in codes}
    assert set(found["versions"]) == {"python", *PACKAGES}
    assert all(found["versions"].values())


@pytest.mark.parametrize(
    ("step", "scored", "told"),
    [(DICOM_RESULTS, 2, True), (DICOM_RESULTS, 0, True), (SEQUENCE, 2, True), (SEQUENCE, 0, False)],
)
def test_the_code_version_of_an_optional_step_that_gave_something(step, scored, told):
    """Probabilities of sequence models that no table shows are not told."""
    records = {**OUTCOMES[0].records, step: Record("", "", (), ensemble_content())}
    gave = replace(OUTCOMES[0], records=records, scored=scored)
    assert (step in report([gave, OUTCOMES[1]])["code_versions"]) is told


def test_accounting():
    found = report(OUTCOMES)
    assert found["slices"] == {"found": 8, "scored": 4, "refused": 2, "failed": 2, "waiting": 0}
    assert sum(found["slices"].values()) == 2 * found["slices"]["found"]
    assert found["series_by_state"] == dict.fromkeys(STATES, 0) | {"done": 1, "incomplete": 1}
    assert found["files"] == {
        "seen": 12,
        "not_dicom": 3,
        "in_no_series": [
            {"path": "DICOMDIR", "state": "refused", "code": "DICOMDIR", "reason": "a directory"}
        ],
        "identical_copies": ["c"] * 8,
    }


def test_series_that_left_the_input_are_named():
    assert report(OUTCOMES)["series_not_found_any_more"] == ["1.99"]


def test_seconds_by_step():
    found = report(OUTCOMES)
    steps = {PROCESSED: 0.5, "densenet121_predictions": 3.0, ENSEMBLE: 0.0}
    assert found["seconds"] == {"batch": 4.5, "steps": steps}
    assert found["series"][0]["seconds"] == {step: total / 2 for step, total in steps.items()}


def test_each_series():
    first = report(OUTCOMES)["series"][0]
    assert (first["series_id"], first["state"], first["devices"]) == ("1.10", "done", ["cpu"])
    assert (first["backends"], first["precisions"]) == (["openvino"], ["float32"])
    assert first["found"] == sum(first[s] for s in ("scored", "refused", "failed", "waiting")) == 4
    assert first["reasons"] == "LOCALIZER, NO_PIXELS"


@pytest.mark.parametrize("untrained", [True, False])
def test_untrained_weights_anywhere_are_told(untrained):
    found = report([outcome("1.10", "done"), outcome("1.11", "done", untrained=untrained)])
    assert found["untrained_weights"] is untrained


def test_every_state_is_counted():
    assert set(STATES) == set(get_args(SeriesState))


@pytest.mark.parametrize("outcomes", [OUTCOMES, []], ids=["some", "none"])
def test_it_is_plain_json(outcomes):
    found = report(outcomes)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
