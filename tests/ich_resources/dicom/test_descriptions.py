"""What free texts say of contrast and body part."""

import pydicom
import pytest
from ledgers import only_series

from ich_resources.demo.study import write_series
from ich_resources.dicom.descriptions import names_contrast, names_head
from ich_resources.dicom.discovery import scan
from ich_resources.reasons import Reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Head after contrast", True),
        ("CCT KM venous", True),
        ("HEAD W CONTRAST", True),
        ("Head W/CON 5.0", True),
        ("BRAIN POST CONTRAST", True),
        ("Head_CE", True),
        ("HEAD C+", True),
        ("CTA head", True),
        ("Carotid angio", True),
        ("Head 5.0 H31s", False),
        ("Head native", False),
        ("HEAD W/O CONTRAST", False),
        ("HEAD WO CON", False),
        ("Head without contrast", False),
        ("NON-CONTRAST HEAD", False),
        ("NCCT", False),
        ("no contrast", False),
        ("POST FOSSA", False),
        ("HEAD C-", False),
        ("Edge enhanced", False),
        ("", False),
    ],
)
def test_contrast(text, expected):
    assert names_contrast(text) is expected


@pytest.mark.parametrize("text", ["HEAD", "BRAIN", "cranial", "Kopf", "CCT nativ", "Neuro 5.0"])
def test_head(text):
    assert names_head(text)


def _remarks(folder, **values):
    for path in write_series(folder, name="head", slices=3, bleed=False, size=32):
        dataset = pydicom.dcmread(path)
        for keyword, value in values.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(path)
    return {remark.code: remark.reason for remark in only_series(scan(folder)).remarks}


UNKNOWN = {"BodyPartExamined": None, "SeriesDescription": None, "ProtocolName": None}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            {**UNKNOWN, "SeriesDescription": "Thorax 5.0"},
            "SeriesDescription names THORAX, no BodyPartExamined",
        ),
        ({**UNKNOWN, "ProtocolName": "C-Spine"}, "ProtocolName names C-SPINE, no BodyPartExamined"),
        (
            {**UNKNOWN, "StudyDescription": "CT ABDOMEN PELVIS"},
            "StudyDescription names ABDOMEN, no BodyPartExamined",
        ),
        (
            {"SeriesDescription": "Neck 3.0"},
            "SeriesDescription names NECK, BodyPartExamined HEAD",
        ),
    ],
)
def test_a_part_known_from_descriptions_only(tmp_path, values, reason):
    assert _remarks(tmp_path, **values) == {Reason.NOT_HEAD: reason}


@pytest.mark.parametrize(
    "values",
    [
        UNKNOWN,
        {**UNKNOWN, "StudyDescription": None},
        {**UNKNOWN, "StudyDescription": "CT ABDOMEN", "SeriesDescription": "Head 5.0"},
        {"SeriesDescription": "Head and neck"},
        {"StudyDescription": "CT CHEST"},  # of a study with several parts
        {"BodyPartExamined": "KOPF"},
    ],
)
def test_no_other_part(tmp_path, values):
    assert _remarks(tmp_path, **values) == {}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"ContrastBolusAgent": "NONE"}, False),
        ({"ContrastBolusAgent": "no contrast"}, False),
        ({"ContrastBolusAgent": " "}, False),
        ({"ContrastBolusVolume": 0}, False),
        ({"ContrastBolusAgent": "Non-ionic 300"}, True),
        ({"ContrastBolusVolume": 80}, True),
        ({"ContrastBolusAgentSequence": [pydicom.Dataset()]}, True),
        ({"SeriesDescription": "Head post contrast"}, True),
    ],
)
def test_contrast_of_a_series(tmp_path, values, found):
    assert (Reason.CONTRAST in _remarks(tmp_path, **values)) is found
