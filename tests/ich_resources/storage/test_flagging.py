"""A series is flagged at the threshold, and only where the threshold fits what scored it."""

import numpy as np
import pytest
from contents import ensemble_content, predictions_content

from ich_resources.judged import Threshold
from ich_resources.series import SeriesRecord
from ich_resources.steps import ENSEMBLE
from ich_resources.storage.flagging import FLAGGED, Flagging
from ich_resources.storage.outcome import SeriesOutcome
from ich_resources.storage.record import Record

DIGEST = "0123456789abcdef" * 4
CHOSEN = Threshold(0.5, "youden", {"DenseNet121_change_avg": (DIGEST,)}, {"patients": 3})


def _outcome(calibration: str | None = None) -> SeriesOutcome:
    records = {
        "densenet121_predictions": Record("", "", (), predictions_content()),
        ENSEMBLE: Record("", "", (), ensemble_content(calibration=calibration)),
    }
    return SeriesOutcome(SeriesRecord("1.1", "1.2", "", ()), records, "done", 2, 0, ())


def _probabilities(highest: float) -> np.ndarray:
    values = np.full((2, 6), 0.125, np.float32)
    values[1, 0], values[0, 3] = highest, 1.0  # P(any) alone counts
    return values


@pytest.mark.parametrize(("highest", "expected"), [(0.5, True), (0.499, False), (0.75, True)])
def test_at_the_threshold(highest, expected):
    for flagging in (Flagging(0.5), Flagging(0.5, CHOSEN)):
        assert flagging.row(_outcome(), _probabilities(highest)) == {FLAGGED: expected}


def test_nothing_to_compare():
    assert Flagging(0.5).row(_outcome(), None) == {FLAGGED: None}


def test_a_file_is_applied_to_its_own_results_alone():
    other = Threshold(0.5, "youden", {"DenseNet121_change_avg": ("1" * 64,)}, {})
    assert Flagging(0.5, other).row(_outcome(), _probabilities(0.9)) == {FLAGGED: None}
    calibrated = _outcome(calibration="2" * 64)
    assert Flagging(0.5, CHOSEN).row(calibrated, _probabilities(0.9)) == {FLAGGED: None}
    with_it = Threshold(0.5, "youden", CHOSEN.checkpoints, {}, calibration="2" * 64)
    assert Flagging(0.5, with_it).row(calibrated, _probabilities(0.9)) == {FLAGGED: True}
    assert Flagging(0.5).row(calibrated, _probabilities(0.9)) == {FLAGGED: True}


def test_the_report_says_where_it_comes_from():
    assert Flagging(0.25).about() == {"threshold": 0.25}
    assert Flagging(0.5, CHOSEN).about() == {
        "threshold": 0.5,
        "rule": "youden",
        "level": "series",
        "calibration": None,
        "sha256": CHOSEN.sha256,
    }
