"""The best series of a study."""

import pydicom
import pytest

from ich_resources.demo.study import Acquisition, write_localizer, write_series
from ich_resources.dicom.discovery import scan
from ich_resources.reasons import Reason


def _study(folder, **series):
    """Write the series of one study; each is (thickness, slices, header values)."""
    for name, (thickness, slices, values) in series.items():
        paths = write_series(
            folder / name,
            name=name,
            slices=slices,
            bleed=False,
            size=64,
            acquisition=Acquisition(description=name),
        )
        for path in paths:
            dataset = pydicom.dcmread(path)
            dataset.SliceThickness = thickness
            for keyword, value in values.items():
                setattr(dataset, keyword, value)
            dataset.save_as(path)
    return {s.description.split()[0]: s for s in scan(folder).series}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ((5, 4, {}), (5, 4, {"ConvolutionKernel": "H60s"})),
        ((5, 4, {}), (5, 4, {"WindowWidth": 400})),
        ((5, 4, {}), (5, 25, {"WindowCenter": 300})),
        ((5, 4, {}), (1, 40, {})),
        ((2.5, 4, {}), (10, 4, {})),
        ((5, 25, {}), (5, 4, {})),
        ((5, 25, {}), (5, 24, {})),
        ((1, 30, {}), (5, 25, {"ConvolutionKernel": "BONE"})),
        ((5, 4, {}), (5, 4, {"ImageType": ["DERIVED", "PRIMARY", "AXIAL"]})),
        ((5, 4, {}), (5, 25, {"ContrastBolusAgent": "Iomeprol"})),
        ((1, 30, {}), (5, 25, {"ContrastBolusVolume": 80})),
        ((1, 4, {"ConvolutionKernel": "H60s"}), (5, 25, {"ContrastBolusAgent": "Iomeprol"})),
        ((5, 4, {}), (5, 25, {"SeriesDescription": "worse CTA"})),
        ((5, 4, {}), (5, 25, {"BodyPartExamined": "NECK"})),
        ((5, 4, {}), (5, 25, {"SeriesDescription": "worse C-Spine"})),
        (
            (5, 4, {"ContrastBolusAgent": "Iomeprol"}),
            (5, 25, {"BodyPartExamined": "CHEST"}),
        ),
        ((5, 25, {"ContrastBolusAgent": "NONE"}), (5, 4, {})),
    ],
)
def test_the_better_one_is_primary(tmp_path, better, worse):
    found = _study(tmp_path, worse=worse, better=better)
    assert {name: series.primary for name, series in found.items()} == {
        "better": True,
        "worse": False,
    }
    assert all(series.to_be_scored for series in found.values())


def test_only_the_primary_is_scored_where_the_policy_says_so(tmp_path):
    _study(tmp_path, soft=(5, 4, {}), bone=(5, 4, {"ConvolutionKernel": "H70h"}))
    write_localizer(tmp_path / "scout")
    found = {s.description: s for s in scan(tmp_path, primary_only=True).series}
    soft = found["soft"]
    assert soft.primary
    assert soft.to_be_scored
    judgement = found["bone"].slices[0].judgement
    assert judgement.code == Reason.BETTER_SIBLING
    assert soft.series_instance_uid in judgement.reason
    scout = next(s for s in found.values() if s.description not in ("soft", "bone"))
    assert not scout.primary
