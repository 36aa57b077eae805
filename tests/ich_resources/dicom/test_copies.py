"""The same instance twice: one image counts once, two images are a conflict."""

import shutil

import pydicom
import pytest
from ledgers import only_series
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from ich_resources.demo.study import write_series
from ich_resources.dicom.assembly import assemble
from ich_resources.dicom.discovery import scan
from ich_resources.dicom.policy import verdicts
from ich_resources.dicom.reading import read_series
from ich_resources.dicom.scanned import ScannedFile, scan_file
from ich_resources.reasons import Reason
from ich_resources.series_images import HuSlice


@pytest.fixture
def twice(tmp_path):
    """A series, and the same files again."""
    write_series(tmp_path / "first", name="head", slices=3, bleed=True, size=64)
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    return tmp_path


def _again(folder, change):
    for path in (folder / "second").iterdir():
        dataset = pydicom.dcmread(path)
        change(dataset)
        dataset.save_as(path)


def _names(dataset):
    dataset.PatientName, dataset.PatientID = "CASE^CORRECTED", "1"
    dataset.PatientBirthDate, dataset.AccessionNumber = "19000101", "9"
    dataset.StudyDescription, dataset.SeriesDescription = "CT HEAD W/O", "Head"
    dataset.Manufacturer, dataset.ManufacturerModelName = "An archive", "It"


def _in_syntax(syntax, plugin=None):
    def change(dataset):
        _names(dataset)
        dataset.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)

    return change


def _implicit(dataset):
    _names(dataset)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian


@pytest.mark.parametrize(
    "change",
    [
        _names,
        _implicit,
        _in_syntax(RLELossless, "pydicom"),
        _in_syntax(JPEG2000Lossless, "pylibjpeg"),
    ],
    ids=["names", "implicit", "RLE", "JPEG 2000"],
)
def test_equal_images_count_once_with_a_remark(twice, change):
    _again(twice, change)
    series = only_series(scan(twice))
    assert [s.state for s in series.slices] == ["admitted"] * 3
    assert [remark.code for remark in series.remarks] == [Reason.SENT_AGAIN]
    assert series.remarks[0].reason.startswith("3 instances")
    paths = {path for s in series.slices for path in (s.path, *s.copies)}
    assert len(paths) == 6, "no file is unaccounted for"
    assert all(isinstance(item, HuSlice) for item in read_series(series, twice))


def test_names_and_order_on_disk_do_not_choose(twice):
    _again(twice, _names)
    version = only_series(scan(twice)).version
    (twice / "first").rename(twice / "third")
    assert only_series(scan(twice)).version == version


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: ds.__setattr__("WindowCenter", 50),
        lambda ds: ds.__setattr__("RescaleIntercept", -1000),
        lambda ds: ds.__setattr__("ImagePositionPatient", [0, 0, 99]),
        lambda ds: ds.__setattr__("StudyInstanceUID", "1.2.3"),
        lambda ds: ds.__setattr__("FrameOfReferenceUID", "1.2.3"),
        lambda ds: ds.__setattr__("PixelData", ds.PixelData[:-1] + b"\1"),
        lambda ds: (
            ds.__setattr__("PixelData", ds.PixelData[:-1] + b"\1"),
            ds.compress(RLELossless, generate_instance_uid=False),
        ),
    ],
    ids=["window", "rescale", "place", "study", "frame", "pixel", "pixel in RLE"],
)
def test_other_pixels_or_values_are_a_conflict(twice, change):
    _again(twice, change)
    series = only_series(scan(twice, policy={"MIXED_STUDIES": "warn"}))
    assert len(series.slices) == 6
    assert {s.judgement.code for s in series.slices} == {Reason.DUPLICATE_UID}


def test_one_of_three_that_contradicts_fails_all(twice):
    shutil.copytree(twice / "first", twice / "third")
    _again(twice, _names)
    path = twice / "third" / "IM0001"
    dataset = pydicom.dcmread(path)
    dataset.WindowWidth = 90
    dataset.save_as(path)
    series = only_series(scan(twice))
    failed = {s.path for s in series.slices if s.judgement}
    assert failed == {"first/IM0001", "second/IM0001", "third/IM0001"}
    assert series.count("admitted") == 2


def test_headers_of_an_earlier_version_are_compared_by_their_files(twice):
    _again(twice, _names)
    read = [
        scan_file(str(path.relative_to(twice)), twice).to_json()
        for path in sorted(twice.rglob("IM*"))
    ]
    for value in read:
        for field in ("frame_of_reference", "acquisition", "instance_number", "protocol"):
            del value["header"][field]
    old = [ScannedFile.from_json(value) for value in read]
    (series,) = assemble(old, verdicts({}), input_dir=str(twice), primary_only=False)
    assert series.count("admitted") == 3 == len(series.slices)
    assert [remark.code for remark in series.remarks] == [Reason.SENT_AGAIN]


@pytest.mark.parametrize("other_series", [False, True])
def test_two_identifiers_with_one_file_name_are_an_error(tmp_path, other_series):
    paths = write_series(tmp_path, name="head", slices=4, bleed=False, size=64)
    for path, name in zip(paths, ("1.2", "ID_1.2"), strict=False):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = name
        if other_series and name == "1.2":
            dataset.StudyInstanceUID = dataset.SeriesInstanceUID = "9"
        dataset.save_as(path)
    slices = [s for series in scan(tmp_path).series for s in series.slices]
    failed = {s.path: s.judgement for s in slices if s.state == "failed"}
    assert set(failed) == {"IM0001", "IM0002"}
    for judgement in failed.values():
        assert judgement.code == Reason.DUPLICATE_UID
        assert "IM0001" in judgement.reason and "IM0002" in judgement.reason


def test_a_refused_slice_takes_no_file_name(tmp_path):
    paths = write_series(tmp_path, name="head", slices=4, bleed=False, size=64)
    for path, name in zip(paths, ("1.2", "ID_1.2"), strict=False):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = name
        if name == "1.2":
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        dataset.save_as(path)
    assert only_series(scan(tmp_path)).count("admitted") == 3
