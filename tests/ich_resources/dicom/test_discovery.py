"""The ledger of a folder: every file is in it, and nothing a folder can hold stops the scan."""

import shutil

import pydicom
import pytest
from ledgers import only_series, scan, unassigned_codes
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from ich_resources.demo.study import (
    Acquisition,
    uid,
    write_dose_page,
    write_dose_report,
    write_localizer,
    write_series,
)
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason

HEAD = uid("demo", "head")


def test_ledger_of_a_study(tmp_path):
    write_series(
        tmp_path / "deep/er",
        name="a",
        slices=2,
        bleed=True,
        size=32,
        acquisition=Acquisition(suffix=".dcm"),
    )
    write_series(tmp_path / "b", name="b", slices=1, bleed=False, size=32)
    write_localizer(tmp_path / "l")
    write_dose_report(tmp_path / "d")
    write_dose_page(tmp_path / "p")
    (tmp_path / "README.txt").write_text("not DICOM")
    ledger = scan(tmp_path)
    assert ledger.input_dirs == (str(tmp_path),)
    assert (ledger.files_seen, ledger.files_not_dicom, ledger.unassigned) == (7, 1, ())
    uids = [series.series_instance_uid for series in ledger.series]
    assert uids == sorted(uid("demo", name) for name in ("a", "b", "localizer", "dose", "page"))
    scored = {s.series_instance_uid: s.count("admitted") for s in ledger.series if s.to_be_scored}
    assert scored == {uid("demo", "a"): 2, uid("demo", "b"): 1}
    paths = {record.path for series in ledger.series for record in series.slices}
    assert "deep/er/IM0001.dcm" in paths and "b/IM0001" in paths


@pytest.mark.parametrize("threads", [1, 8])
def test_ledger_does_not_depend_on_threads(folder, threads):
    assert scan(folder, threads=threads) == scan(folder)


def test_missing_folder(tmp_path):
    with pytest.raises(DicomError, match="does not exist.*DICOM_INPUT"):
        scan(tmp_path / "none")


def test_file_instead_of_folder(one):
    with pytest.raises(DicomError, match="not a folder"):
        scan(one)


@pytest.mark.parametrize("names", [[], ["README.txt", "a/picture.png"]])
def test_no_dicom(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 200)
    with pytest.raises(DicomError, match=f"no DICOM file among its {len(names)} files"):
        scan(tmp_path)


def test_neither_names_nor_the_magic_decide(folder):
    (folder / "IM0001").rename(folder / "no suffix.txt")
    without = folder / "IM0002"
    without.write_bytes(without.read_bytes()[132:])
    shutil.copy(without, folder / "UPPER.DCM")
    shutil.copy(without, folder / "other.dicom")
    ledger = scan(folder)
    assert (ledger.files_seen, ledger.files_not_dicom) == (5, 0)
    found = {(record.path, *record.copies) for record in only_series(ledger).slices}
    assert found == {("IM0003",), ("IM0002", "UPPER.DCM", "other.dicom"), ("no suffix.txt",)}


@pytest.mark.parametrize("content", [b"", b"just text", b"\0" * 128 + b"DICM"])
def test_suffix_without_dicom_is_reported(folder, content):
    (folder / "broken.dcm").write_bytes(content)
    ledger = scan(folder)
    assert unassigned_codes(ledger) == {"broken.dcm": Reason.UNREADABLE}
    assert only_series(ledger).count("admitted") == 3


def test_dicomdir_is_refused(folder):
    ds = Dataset()
    ds.FileSetID = "PHANTOM"
    ds.DirectoryRecordSequence = []
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    ds.save_as(folder / "DICOMDIR", enforce_file_format=True)
    ledger = scan(folder)
    assert unassigned_codes(ledger) == {"DICOMDIR": Reason.DICOMDIR}
    assert only_series(ledger).count("admitted") == 3


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("region", ["header", "pixels"])
def test_truncated_file_never_counts(folder, region, part):
    path = folder / "IM0001"
    content = path.read_bytes()
    pixels = len(content) - 64 * 64 * 2
    end = int(pixels * part) if region == "header" else pixels + int(64 * 64 * 2 * part)
    path.write_bytes(content[:end])
    ledger = scan(folder)
    series = only_series(ledger)
    assert series.series_instance_uid == HEAD
    assert series.count("admitted") == 2
    failed = [r.judgement for r in series.slices if r.path == "IM0001"]
    failed += [file.judgement for file in ledger.unassigned]
    assert [judgement.state for judgement in failed] == ["failed"]


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
@pytest.mark.parametrize("kept", [0, 1, 20])
def test_half_a_uid_is_no_uid(folder, keyword, kept):
    path = folder / "IM0001"
    content = path.read_bytes()
    value = str(pydicom.dcmread(path)[keyword].value).encode()
    at = content.rindex(value) if keyword != "SOPInstanceUID" else content.index(value, 300)
    path.write_bytes(content[: at + kept])
    ledger = scan(folder)
    assert [series.series_instance_uid for series in ledger.series] == [HEAD]
    assert unassigned_codes(ledger) == {"IM0001": Reason.UNREADABLE}
    assert keyword in ledger.unassigned[0].judgement.reason


def test_truncated_compressed_pixels_fail_within_their_series(folder, compress):
    path = folder / "IM0001"
    compress(path)
    path.write_bytes(path.read_bytes()[:-1500])
    series = only_series(scan(folder))
    assert [record.state for record in series.slices] == ["failed", "admitted", "admitted"]
    assert series.slices[0].judgement.code == Reason.NO_PIXELS


def test_identical_copies_count_once(folder):
    shutil.copytree(folder, folder / "again")
    series = only_series(scan(folder))
    assert [record.path for record in series.slices] == ["IM0001", "IM0002", "IM0003"]
    assert [record.copies for record in series.slices] == [
        ("again/IM0001",),
        ("again/IM0002",),
        ("again/IM0003",),
    ]
    assert series.count("admitted") == 3


def test_one_uid_with_two_contents_fails_both(folder, edit):
    shutil.copy(folder / "IM0001", folder / "IM0009")
    edit(folder / "IM0009", WindowCenter=50)
    series = only_series(scan(folder))
    doubtful = [record for record in series.slices if record.path in ("IM0001", "IM0009")]
    assert series.count("failed") == 2 == len(doubtful)
    for record in doubtful:
        assert record.judgement.code == Reason.DUPLICATE_UID
        assert "IM0001" in record.judgement.reason and "IM0009" in record.judgement.reason


def test_one_uid_in_two_series_fails_both(folder, edit):
    shutil.copy(folder / "IM0001", folder / "IM0009")
    edit(folder / "IM0009", SeriesInstanceUID="1.2.3")
    failed = {
        series.series_instance_uid: record.path
        for series in scan(folder).series
        for record in series.slices
        if record.judgement and record.judgement.code == Reason.DUPLICATE_UID
    }
    assert failed == {HEAD: "IM0001", "1.2.3": "IM0009"}


@pytest.mark.parametrize("value", [b"../../../tmp/x", b"1.2\0.3", b"1" * 1000, b"1.2\\1.3"])
def test_bad_series_uid_makes_no_series(folder, set_bytes, value):
    set_bytes(folder / "IM0001", "SeriesInstanceUID", value)
    ledger = scan(folder)
    assert only_series(ledger).series_instance_uid == HEAD
    assert unassigned_codes(ledger) == {"IM0001": Reason.BAD_UID}


def test_no_series_uid_is_a_stray(folder, edit):
    edit(folder / "IM0001", SeriesInstanceUID=None)
    ledger = scan(folder)
    assert unassigned_codes(ledger) == {"IM0001": Reason.NO_SERIES_UID}
    assert len(only_series(ledger).slices) == 2


def test_ledger_does_not_identify_the_patient(folder, edit, set_bytes):
    secret = {"PatientName": "SECRET^NAME", "PatientID": "SECRET-1", "AccessionNumber": "SECRET"}
    for path in sorted(folder.iterdir()):
        edit(path, **secret)
    shutil.copy(folder / "IM0001", folder / "IM0009")
    edit(folder / "IM0009", WindowCenter=50)
    edit(folder / "IM0002", SeriesInstanceUID=None)
    set_bytes(folder / "IM0003", "WindowWidth", b"abc")
    truncated = (folder / "IM0001").read_bytes()[:900]
    (folder / "IM0010").write_bytes(truncated)
    ledger = scan(folder)
    assert ledger.unassigned and all(record.judgement for record in only_series(ledger).slices)
    assert "SECRET" not in repr(ledger)


def test_version_is_that_of_the_content(folder, tmp_path, edit):
    version = only_series(scan(folder)).version
    moved = tmp_path / "moved"
    for number, name in enumerate(["IM0002", "IM0003", "IM0001"]):
        (moved / f"{number}").mkdir(parents=True)
        shutil.copy(folder / name, moved / f"{number}/x{9 - number}.dcm")
    shutil.copy(folder / "IM0001", moved)  # a copy more changes nothing
    assert only_series(scan(moved)).version == version
    edit(folder / "IM0002", WindowCenter=41)
    changed = only_series(scan(folder)).version
    (folder / "IM0002").unlink()
    assert len({version, changed, only_series(scan(folder)).version}) == 3
