"""What lies beside the slices in ordinary folders: ignored or refused, and never a failure."""

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
import zipfile

import numpy as np
import pydicom
import pytest
from ledgers import only_series, scan, unassigned_codes
from pydicom.uid import SegmentationStorage, UltrasoundMultiFrameImageStorage

from ich_resources.dicom.scanned import scan_file
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason


def _zip(content: bytes, name: str = "IM0001") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def _tar(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("IM0001")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


ARCHIVES = {
    "study.zip": _zip,
    "STUDY.ZIP": _zip,
    "study": _zip,
    "study.dcm": _zip,
    "study.tar": _tar,
    "study.tar.gz": lambda content: gzip.compress(_tar(content)),
    "IM0009.gz": gzip.compress,
    "study.tbz2": lambda content: bz2.compress(_tar(content)),
    "IM0009.xz": lzma.compress,
    "study.7z": lambda content: b"7z\xbc\xaf\x27\x1c" + content,
    "study.rar": lambda content: b"Rar!\x1a\x07\1\0" + content,
}
IGNORED = {
    "._IM0001": bytes.fromhex("0005160700020000") + b"Mac OS X        " + bytes(4072),
    "._IM0001.dcm": bytes.fromhex("0005160700020000") + b"Mac OS X        " + bytes(4072),
    "IM0001.dcm": bytes.fromhex("0005160000020000") + bytes(100),
    "._empty.dcm": b"",
    ".DS_Store": b"\0\0\0\1Bud1" + bytes(100),
    "report.docx": _zip(b"<xml/>", "word/document.xml"),
    "sheet.xlsx": _zip(b"<xml/>", "xl/workbook.xml"),
    "README.TXT": b"SOP class 1.2.840.10008.5.1.4.1.1.2 of the series\n" * 9,
    "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
    "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "empty": b"",
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_named_and_refused(folder, name):
    content = ARCHIVES[name]((folder / "IM0001").read_bytes())
    (folder / name).write_bytes(content)
    ledger = scan(folder)
    assert only_series(ledger).count("admitted") == 3
    (found,) = ledger.unassigned
    assert (found.path, found.judgement.state) == (name, "refused")
    assert found.judgement.code is Reason.ARCHIVE
    assert "unpack it first" in found.judgement.reason


def test_a_folder_of_archives_alone(one):
    content = one.read_bytes()
    one.unlink()
    (one.parent / "study.zip").write_bytes(_zip(content))
    with pytest.raises(DicomError, match=r"unpack the archives first \(study.zip\)"):
        scan(one.parent)


@pytest.mark.parametrize("name", IGNORED)
def test_what_is_not_dicom_is_left_alone(phantom, tmp_path, name):
    folder = shutil.copytree(phantom, tmp_path / "in" / "slices")
    (tmp_path / "in" / name).write_bytes(IGNORED[name])
    ledger = scan(tmp_path / "in")
    assert (ledger.files_seen, ledger.files_not_dicom, ledger.unassigned) == (4, 1, ())
    assert only_series(ledger).count("admitted") == 3
    assert folder.is_dir()


@pytest.mark.parametrize("name", ["x.dcm", "X.DICOM"])
def test_a_damaged_file_with_an_ending_still_fails(folder, name):
    (folder / name).write_bytes(b"nothing that is known" * 50)
    assert unassigned_codes(scan(folder)) == {name: Reason.UNREADABLE}


@pytest.mark.parametrize("ending", [".part", ".tmp", ".PART", ".dcm.0123abcd.part"])
def test_files_that_still_arrive_are_left_alone_and_counted(folder, ending):
    content = (folder / "IM0002").read_bytes()
    (folder / f"IM0002{ending}").write_bytes(content[:3000])
    ledger = scan(folder)
    assert (ledger.files_seen, ledger.files_not_dicom, ledger.files_arriving) == (4, 1, 1)
    assert only_series(ledger).count("admitted") == 3


def _colour(path, photometric):
    ds = pydicom.dcmread(path)
    ds.PhotometricInterpretation = photometric
    if photometric == "PALETTE COLOR":
        ds.PixelData = bytes(64 * 64)
    else:
        ds.SamplesPerPixel, ds.PlanarConfiguration = 3, 0
        ds.PixelData = np.zeros((64, 64, 3), np.uint8).tobytes()
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds["PixelData"].VR = "OB"
    ds.save_as(path)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR"])
def test_a_colour_map_is_refused(folder, photometric):
    _colour(folder / "IM0002", photometric)
    series = only_series(scan(folder))
    assert [record.state for record in series.slices] == ["admitted", "refused", "admitted"]
    assert series.slices[1].judgement.code is Reason.PICTURE


@pytest.mark.parametrize(
    ("sop_class", "modality"),
    [
        ("1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE"),
        (UltrasoundMultiFrameImageStorage, "US"),
        (SegmentationStorage, "SEG"),
        ("1.2.840.10008.5.1.4.1.1.4.1", "MR"),
    ],
)
def test_a_multi_frame_object_that_is_not_ct(one, edit, sop_class, modality):
    edit(one, SOPClassUID=sop_class, Modality=modality, NumberOfFrames=2, PixelData=bytes(16384))
    judgement = scan_file(one.name, one.parent).judgement
    assert (judgement.state, judgement.code) == ("refused", Reason.NOT_CT)
    assert modality in judgement.reason and sop_class in judgement.reason


def test_multi_frame_ct_is_named_so(one, edit):
    edit(one, NumberOfFrames=2, PixelData=bytes(16384))
    assert scan_file(one.name, one.parent).judgement.code is Reason.MULTIFRAME
