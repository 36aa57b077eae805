"""A series is flagged at the threshold, and only where the threshold fits what scored it."""

import pytest

from ich_resources.judged import Threshold
from ich_resources.storage.flagging import Flagging
from ich_resources.storage.shown import ScoredBy

DIGEST = "0123456789abcdef" * 4
CHOSEN = Threshold(0.5, "youden", {"DenseNet121_change_avg": (DIGEST,)}, {"patients": 3})
MADE_BY = ScoredBy({"DenseNet121_change_avg": (DIGEST,)}, None)


@pytest.mark.parametrize(("highest", "expected"), [(0.5, True), (0.499, False), (0.75, True)])
def test_at_the_threshold(highest, expected):
    for flagging in (Flagging(0.5), Flagging(0.5, CHOSEN)):
        assert flagging.flags(highest, MADE_BY) is expected


def test_nothing_to_compare():
    assert Flagging(0.5).flags(None, None) is None


def test_a_file_is_applied_to_its_own_results_alone():
    other = Threshold(0.5, "youden", {"DenseNet121_change_avg": ("1" * 64,)}, {})
    assert Flagging(0.5, other).flags(0.9, MADE_BY) is None
    assert Flagging(0.5, CHOSEN).flags(0.9, None) is None, "a number whose networks are not known"
    calibrated = ScoredBy(MADE_BY.checkpoints, "2" * 64)
    assert Flagging(0.5, CHOSEN).flags(0.9, calibrated) is None
    with_it = Threshold(0.5, "youden", CHOSEN.checkpoints, {}, calibration="2" * 64)
    assert Flagging(0.5, with_it).flags(0.9, calibrated) is True
    assert Flagging(0.5).flags(0.9, calibrated) is True


def test_the_report_says_where_it_comes_from():
    assert Flagging(0.25).about() == {"threshold": 0.25}
    assert Flagging(0.5, CHOSEN).about() == {
        "threshold": 0.5,
        "rule": "youden",
        "level": "series",
        "calibration": None,
        "sha256": CHOSEN.sha256,
    }
