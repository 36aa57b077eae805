"""Refuse or warn, by code."""

import pydicom
import pytest

from ich_resources.demo.study import write_series
from ich_resources.dicom.discovery import scan
from ich_resources.dicom.policy import REMARK_CODES, verdicts
from ich_resources.reasons import Reason


def test_short_and_mixed_series_and_other_planes_are_refused_by_default_and_the_rest_warn():
    table = verdicts({})
    assert {code for code, verdict in table.items() if verdict == "refuse"} == {
        Reason.TOO_FEW_SLICES,
        Reason.NOT_AXIAL,
        Reason.MIXED_FRAMES,
        Reason.MIXED_ACQUISITIONS,
    }
    assert set(table) == set(REMARK_CODES)


def test_each_code_can_be_set():
    for code in REMARK_CODES:
        assert verdicts({code: "refuse"})[code] == "refuse"
        assert verdicts({code: "warn"})[code] == "warn"


@pytest.mark.parametrize("changes", [{"NO_SUCH": "warn"}, {"CONTRAST": "ignore"}])
def test_unknown_words_are_an_error(changes):
    with pytest.raises(ValueError, match="policy"):
        verdicts(changes)


@pytest.mark.parametrize(
    ("policy", "states"), [({}, ["refused"]), ({"TOO_FEW_SLICES": "warn"}, ["admitted"])]
)
def test_a_series_of_two_slices(tmp_path, policy, states):
    write_series(tmp_path, name="short", slices=2, bleed=False, size=64)
    (series,) = scan(tmp_path, policy=policy).series
    assert [s.state for s in series.slices] == states * 2
    assert [remark.code for remark in series.remarks] == [Reason.TOO_FEW_SLICES]
    if series.slices[0].judgement:
        assert series.slices[0].judgement.reason == "2 slices, fewer than 3"


def test_a_coronal_reformat_is_refused(tmp_path):
    for path in write_series(tmp_path, name="coronal", slices=3, bleed=False, size=64):
        dataset = pydicom.dcmread(path)
        x, y, z = dataset.ImagePositionPatient
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        dataset.ImagePositionPatient = [x, z, y]
        dataset.save_as(path)
    (series,) = scan(tmp_path).series
    assert {s.judgement.code for s in series.slices} == {Reason.NOT_AXIAL}
    assert not series.to_be_scored
    assert scan(tmp_path, policy={"NOT_AXIAL": "warn"}).series[0].to_be_scored
