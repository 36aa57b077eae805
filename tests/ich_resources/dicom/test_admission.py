"""Which instances are slices to be scored, and why the others are not."""

from pathlib import Path

import pytest
from ledgers import only_series, scan
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    MRImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    PatientRadiationDoseSRStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
)

from ich_resources.demo.study import write_dose_page, write_dose_report, write_localizer
from ich_resources.dicom.admission import judge_file, judge_slice
from ich_resources.dicom.assembly import assemble
from ich_resources.dicom.header_values import read_header
from ich_resources.dicom.policy import verdicts
from ich_resources.dicom.scanned import ScannedFile, scan_file
from ich_resources.reasons import Reason

DERIVED = ["DERIVED", "SECONDARY", "AXIAL"]


def _judge(path: Path):
    header = read_header(path.read_bytes(), path)
    return judge_file(header) or judge_slice(header)


def test_slice_is_admitted(phantom):
    assert _judge(phantom / "IM0001") is None


@pytest.mark.parametrize(
    ("write", "code"),
    [
        (write_localizer, Reason.LOCALIZER),
        (write_dose_report, Reason.DOSE_REPORT),
        (write_dose_page, Reason.DOSE_REPORT),
    ],
)
def test_what_a_pacs_adds_is_refused(tmp_path, write, code):
    judgement = _judge(write(tmp_path))
    assert (judgement.state, judgement.code) == ("refused", code)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"SOPClassUID": MRImageStorage, "Modality": "MR"}, Reason.NOT_CT),
        ({"SOPClassUID": PositronEmissionTomographyImageStorage, "Modality": "PT"}, Reason.NOT_CT),
        ({"SOPClassUID": MRImageStorage}, Reason.NOT_CT),
        ({"Modality": "OT"}, Reason.NOT_CT),
        ({"Modality": None}, Reason.NOT_CT),
        ({"SOPClassUID": EnhancedCTImageStorage}, Reason.MULTIFRAME),
        ({"SOPClassUID": LegacyConvertedEnhancedCTImageStorage}, Reason.MULTIFRAME),
        ({"NumberOfFrames": 3}, Reason.MULTIFRAME),
        ({"SOPClassUID": SecondaryCaptureImageStorage}, Reason.SECONDARY_CAPTURE),
        (
            {"SOPClassUID": MultiFrameGrayscaleWordSecondaryCaptureImageStorage},
            Reason.SECONDARY_CAPTURE,
        ),
        ({"ImageType": DERIVED, "ImagePositionPatient": None}, Reason.SECONDARY_CAPTURE),
        ({"ImageType": DERIVED, "ImageOrientationPatient": None}, Reason.SECONDARY_CAPTURE),
        (
            {
                "ImageType": ["DERIVED", "SECONDARY"],
                "ImagePositionPatient": None,
                "SeriesDescription": "Patient Protocol",
            },
            Reason.DOSE_REPORT,
        ),
        ({"SOPClassUID": PatientRadiationDoseSRStorage, "Modality": "SR"}, Reason.DOSE_REPORT),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, Reason.LOCALIZER),
        ({"ImageType": ["original", "primary", "localizer "]}, Reason.LOCALIZER),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "SCOUT"]}, Reason.LOCALIZER),
    ],
)
def test_other_kinds_are_refused(one, edit, values, code):
    edit(one, **values)
    judgement = _judge(one)
    assert (judgement.state, judgement.code) == ("refused", code)
    assert len(judgement.reason.split()) > 2


@pytest.mark.parametrize(
    "values",
    [
        {"ImageType": DERIVED},  # a reformat: it has a place in the patient
        {"ImageType": None},
        {"ImageType": "ORIGINAL"},
        {"NumberOfFrames": 1},
        {"ImageOrientationPatient": None},
        {"ImagePositionPatient": None},  # SliceLocation remains
        {"SliceLocation": None},
        {"WindowCenter": None, "WindowWidth": None},
        {"WindowCenter": [40, 400], "WindowWidth": [80, 2000]},
        {"WindowWidth": 2},
        {"RescaleSlope": -1},
    ],
)
def test_unusual_slices_are_admitted(one, edit, values):
    edit(one, **values)
    assert _judge(one) is None


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"PixelData": None}, Reason.NO_PIXELS),
        ({"PixelData": b""}, Reason.NO_PIXELS),
        ({"Rows": None}, Reason.SIZE_MISMATCH),
        ({"Columns": 0}, Reason.SIZE_MISMATCH),
        ({"Rows": 31}, Reason.SIZE_MISMATCH),
        ({"Columns": 1}, Reason.SIZE_MISMATCH),
        ({"ImagePositionPatient": None, "SliceLocation": None}, Reason.NO_POSITION),
        ({"WindowWidth": 0}, Reason.BAD_WINDOW),
        ({"WindowWidth": 1}, Reason.BAD_WINDOW),
        ({"WindowWidth": 1.9}, Reason.BAD_WINDOW),
        ({"WindowWidth": -80}, Reason.BAD_WINDOW),
        ({"RescaleSlope": 0}, Reason.BAD_RESCALE),
    ],
)
def test_slices_that_cannot_be_used_fail(one, edit, values, code):
    edit(one, **values)
    judgement = _judge(one)
    assert (judgement.state, judgement.code) == ("failed", code)
    assert judgement.reason


@pytest.mark.parametrize("keyword", ["WindowWidth", "RescaleSlope", "ImagePositionPatient"])
def test_malformed_number_fails_and_is_named(one, set_bytes, keyword):
    set_bytes(one, keyword, b"abc")
    judgement = _judge(one)
    assert (judgement.state, judgement.code) == ("failed", Reason.BAD_HEADER)
    assert keyword in judgement.reason


def test_malformed_localizer_is_still_a_localizer(tmp_path, set_bytes):
    path = write_localizer(tmp_path)
    set_bytes(path, "WindowWidth", b"abc")
    assert _judge(path).code == Reason.LOCALIZER


@pytest.mark.parametrize("keyword", ["SeriesInstanceUID", "SOPInstanceUID", "StudyInstanceUID"])
@pytest.mark.parametrize(
    "value",
    [b"..", b"../../1.2", b"1.2/3", b"1.2\0.3", b"1" * 1000, b"1.2\\1.3", b"1.2 OR 1", b"-a.b"],
)
def test_uid_that_is_none_is_refused(one, set_bytes, keyword, value):
    set_bytes(one, keyword, value)
    judgement = _judge(one)
    assert (judgement.state, judgement.code) == ("refused", Reason.BAD_UID)
    assert keyword in judgement.reason
    assert "\0" not in judgement.reason and len(judgement.reason) < 200


def test_no_series_uid(one, edit):
    edit(one, SeriesInstanceUID=None)
    assert _judge(one).code == Reason.NO_SERIES_UID


def test_no_instance_uid(one, set_bytes):
    set_bytes(one, "SOPInstanceUID", b"")
    assert _judge(one).code == Reason.BAD_UID


def test_ct_class_stands_in_the_file_meta_only(one, edit):
    edit(one, SOPClassUID=None)
    assert _judge(one) is None
    assert read_header(one.read_bytes(), one).sop_class_uid == CTImageStorage


RESCALE = ("RescaleSlope", "RescaleIntercept")


@pytest.mark.parametrize("absent", [RESCALE, RESCALE[:1], RESCALE[1:]])
def test_missing_rescale_in_one_slice_fails_that_slice(folder, edit, absent):
    edit(folder / "IM0002", **dict.fromkeys(absent))
    series = only_series(scan(folder))
    assert [record.state for record in series.slices] == ["admitted", "failed", "admitted"]
    judgement = series.slices[1].judgement
    assert judgement.code == Reason.BAD_RESCALE
    assert "RescaleIntercept, which other slices of its series have" in judgement.reason


@pytest.mark.parametrize("absent", [RESCALE, RESCALE[:1], RESCALE[1:]])
def test_a_series_without_rescale_is_scored(folder, edit, absent):
    for path in folder.iterdir():
        edit(path, **dict.fromkeys(absent))
    assert only_series(scan(folder)).count("admitted") == 3


def test_the_rescale_of_a_slice_that_is_not_scored_asks_nothing_of_the_others(folder, edit):
    edit(folder / "IM0001", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    for name in ("IM0002", "IM0003"):
        edit(folder / name, **dict.fromkeys(RESCALE))
    states = [record.state for record in only_series(scan(folder)).slices]
    assert states == ["refused", "admitted", "admitted"]


def test_a_slice_that_an_older_version_has_read_is_not_failed_for_it(folder):
    files = [scan_file(f"IM000{number}", folder) for number in (1, 2, 3)]
    read = [file.to_json() for file in files]
    del read[1]["header"]["has_rescale"]
    old = [ScannedFile.from_json(value) for value in read]
    (series,) = assemble(old, verdicts({}), input_dir=str(folder), primary_only=False)
    assert series.count("admitted") == 3
