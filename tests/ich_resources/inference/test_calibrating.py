"""The calibration of the ensemble is that of its own checkpoints, by slice."""

from dataclasses import replace

import pytest

from ich_resources.errors import IchError
from ich_resources.inference.calibrating import calibration_for
from ich_resources.judged import Calibration
from ich_resources.judged_files import write_judged

USED = {"DenseNet121_change_avg": ("1" * 64,)}
CALIBRATION = Calibration("temperature", {"any": {"temperature": 2.0}}, USED, {})


def test_it_fits(tmp_path):
    write_judged(tmp_path / "c.json", CALIBRATION)
    assert calibration_for(tmp_path / "c.json", USED) == CALIBRATION


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"level": "series"}, "fitted by series, and slices are calibrated"),
        ({"sequence": ("2" * 64,)}, "made for sequence models"),
        ({"checkpoints": {"DenseNet121_change_avg": ("3" * 64,)}}, "333333333333..., that of"),
    ],
)
def test_it_does_not_fit(tmp_path, change, says):
    path = tmp_path / "c.json"
    write_judged(path, replace(CALIBRATION, **change))
    with pytest.raises(IchError) as caught:
        calibration_for(path, USED)
    assert says in str(caught.value) and str(path) in str(caught.value)
