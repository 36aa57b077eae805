"""What was read of a file survives JSON, and is judged the same afterwards."""

import json
import os
import shutil

import pytest

from ich_resources.demo.study import write_demo_study, write_localizer
from ich_resources.dicom.assembly import assemble
from ich_resources.dicom.discovery import scan, unassigned_files
from ich_resources.dicom.policy import verdicts
from ich_resources.dicom.scanned import ScannedFile, scan_file
from ich_resources.folders import files_below
from ich_resources.reasons import Reason


def through_json(file: ScannedFile) -> ScannedFile:
    text = json.dumps(file.to_json(), allow_nan=False)
    return ScannedFile.from_json(json.loads(text))


def code_again(file: ScannedFile) -> Reason:
    """The code of a judgement after JSON, where all else is as it was."""
    found = through_json(file)
    assert found == file
    assert type(found.judgement.code) is Reason
    return found.judgement.code


def test_an_admitted_slice(folder):
    file = scan_file("IM0001", folder)
    assert file.judgement is None and file.header.position is not None
    assert through_json(file) == file


def test_values_that_are_absent(folder, edit):
    absent = ("PixelSpacing", "SliceThickness", "SliceLocation", "ImageOrientationPatient")
    edit(folder / "IM0001", **dict.fromkeys(absent))
    file = scan_file("IM0001", folder)
    assert file.header.pixel_spacing is None and file.header.orientation is None
    assert through_json(file) == file


def test_a_localizer(tmp_path):
    write_localizer(tmp_path)
    file = scan_file("IM0001", tmp_path)
    assert file.header is not None
    assert code_again(file) is Reason.LOCALIZER


def test_a_slice_cut_short(one):
    one.write_bytes(one.read_bytes()[:-100])
    file = scan_file(one.name, one.parent)
    assert file.header.malformed
    assert code_again(file) is Reason.BAD_HEADER


def test_a_stray(one):
    one.write_bytes(one.read_bytes()[:200])
    file = scan_file(one.name, one.parent)
    assert file.header is None
    assert code_again(file) is Reason.UNREADABLE


def test_a_file_that_cannot_be_opened(tmp_path):
    (tmp_path / "gone.dcm").symlink_to(tmp_path / "nowhere")
    file = scan_file("gone.dcm", tmp_path)
    assert (file.header, file.digest) == (None, "")
    assert code_again(file) is Reason.UNREADABLE


def test_names_and_descriptions_of_any_bytes(one, set_bytes):
    set_bytes(one, "SeriesDescription", b"Sch\xe4del \x1b")
    name = os.fsdecode(b"Sch\xe4del")
    one.rename(one.with_name(name))
    file = scan_file(name, one.parent)
    assert file.path == name and "del" in file.header.description
    assert through_json(file) == file


@pytest.mark.parametrize("content", [b"", b"DICM", b"hello" * 100])
def test_a_file_that_is_no_dicom_is_nothing(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert scan_file("file", tmp_path) is None


def test_files_that_went_through_json_make_the_ledger_of_a_scan(tmp_path):
    write_demo_study(tmp_path, slices=3)
    series = tmp_path / "DICOM/PA000000/ST000000/SE000001"
    shutil.copy(series / "IM0001", series / "again")
    (series / "IM0002").write_bytes((series / "IM0002").read_bytes()[:-1000])
    (series / "cut").write_bytes((series / "IM0003").read_bytes()[:300])
    expected = scan(tmp_path)
    read = [scan_file(file.path, tmp_path) for file in files_below(tmp_path)[0]]
    again = [through_json(file) for file in read if file is not None]
    found = assemble(again, verdicts({}), input_dir=str(tmp_path), primary_only=False)
    assert found == expected.series
    assert [s.version for s in found] == [s.version for s in expected.series]
    copies = [copy for one in found for s in one.slices for copy in s.copies]
    assert (len(found), copies) == (5, ["DICOM/PA000000/ST000000/SE000001/again"])
    assert tuple(unassigned_files(again)) == expected.unassigned
    assert [file.path for file in expected.unassigned] == ["DICOM/PA000000/ST000000/SE000001/cut"]
