"""Calibration and threshold as files: there and back, and bound to what they were made for."""

import json

import pytest

from ich_resources.errors import FormatError, IchError
from ich_resources.judged import Calibration, Threshold
from ich_resources.judged_files import (
    read_calibration,
    read_threshold,
    require_calibration,
    require_checkpoints,
    write_judged,
)

ONE, TWO, THREE = ("1" * 64, "2" * 64, "3" * 64)
MADE_FOR = {"DenseNet121_change_avg": (ONE, TWO), "se_resnext101_32x4d": (THREE,)}
CALIBRATION = Calibration(
    "isotonic",
    {"any": {"x": [0.1, 0.7], "y": [0.0, 0.9]}, "subdural": {"x": [0.5], "y": [0.5]}},
    MADE_FOR,
    {"patients": 40, "labels": "a" * 64},
)
THRESHOLD = Threshold(
    0.37, "lowest with sensitivity >= 0.95", MADE_FOR, {"patients": 40}, CALIBRATION.sha256
)


@pytest.fixture
def files(tmp_path):
    write_judged(tmp_path / "calibration.json", CALIBRATION)
    write_judged(tmp_path / "threshold.json", THRESHOLD)
    return tmp_path


def test_there_and_back(files):
    assert read_calibration(files / "calibration.json") == CALIBRATION
    assert read_threshold(files / "threshold.json") == THRESHOLD
    plain = json.loads((files / "threshold.json").read_text())
    assert plain["format"] == 1 and plain["sequence"] == [] and plain["level"] == "series"
    assert sorted(path.name for path in files.iterdir()) == ["calibration.json", "threshold.json"]


def _change(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"threshold": 0.1}, "changed by hand"),
        ({"sha256": "0" * 64}, "changed by hand"),
        ({"threshold": 7}, "has a wrong value"),
        ({"checkpoints": {"a": 1}}, "has a wrong value"),
        ({"checkpoints": []}, "has a wrong value"),
        ({"sequence": 3}, "has a wrong value"),
        ({"more": 1}, "is not a threshold"),
        ({"format": 0}, "is not a threshold"),
    ],
)
def test_a_changed_file_is_refused(files, changes, says):
    path = files / "threshold.json"
    _change(path, **changes)
    with pytest.raises(IchError, match=says) as caught:
        read_threshold(path)
    assert caught.value.path == path and "ich_evaluate" in caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"[", b"[]", b"3", b"\xff\xfe", b"[" * 100_000])
def test_a_file_of_another_kind(tmp_path, content):
    path = tmp_path / "calibration.json"
    path.write_bytes(content)
    with pytest.raises(IchError, match=r"cannot be read|is not a calibration"):
        read_calibration(path)


def test_one_kind_is_not_the_other(files):
    with pytest.raises(IchError, match="not a calibration"):
        read_calibration(files / "threshold.json")
    with pytest.raises(IchError, match="cannot be read: No such file"):
        read_calibration(files / "nothing.json")


def test_a_newer_file(files):
    _change(files / "calibration.json", format=2, unheard="of")
    with pytest.raises(FormatError, match="format 2"):
        read_calibration(files / "calibration.json")


def test_checkpoints_it_was_made_for(tmp_path):
    require_checkpoints(CALIBRATION, dict(MADE_FOR), tmp_path)


@pytest.mark.parametrize(
    ("used", "says"),
    [
        ({"DenseNet121_change_avg": (ONE, TWO)}, "se_resnext101_32x4d, and DenseNet121_change_avg"),
        (MADE_FOR | {"DenseNet121_change_avg": (ONE,)}, "2 folds of DenseNet121_change_avg, and 1"),
        (
            MADE_FOR | {"DenseNet121_change_avg": (TWO, ONE)},
            f"fold 0: its SHA-256 is {ONE[:12]}..., that of the checkpoint {TWO[:12]}...",
        ),
    ],
)
def test_other_checkpoints_are_named(tmp_path, used, says):
    with pytest.raises(IchError) as caught:
        require_checkpoints(CALIBRATION, used, tmp_path / "calibration.json")
    assert says in str(caught.value) and "calibration.json" in str(caught.value)


def test_a_threshold_belongs_to_a_calibration(tmp_path):
    require_calibration(THRESHOLD, CALIBRATION, tmp_path)
    with pytest.raises(IchError) as caught:
        require_calibration(THRESHOLD, None, tmp_path)
    assert f"the calibration {CALIBRATION.sha256[:12]}..., and no calibration" in str(caught.value)
    other = Calibration("temperature", {"any": {"temperature": 2.0}}, MADE_FOR, {})
    with pytest.raises(IchError) as caught:
        require_calibration(THRESHOLD, other, tmp_path)
    assert CALIBRATION.sha256[:12] in str(caught.value) and other.sha256[:12] in str(caught.value)
