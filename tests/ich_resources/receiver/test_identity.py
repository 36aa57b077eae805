"""The UIDs of a data set are found in every encoding, and nothing in it costs memory or time."""

import struct
import time

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from ich_resources.receiver.identity import Encoding, identify

ENCODINGS = [Encoding(True, True), Encoding(False, True), Encoding(False, False)]
UIDS = ("1.2.1", "1.2.2", "1.2.3")


def dataset(*, undefined: bool) -> Dataset:
    """Identifiers behind sequences that have others of the same names."""
    other = Dataset()
    other.SOPInstanceUID, other.StudyInstanceUID, other.SeriesInstanceUID = "9.1", "9.2", "9.3"
    outer = Dataset()
    outer.ReferencedImageSequence = [other]
    whole = Dataset()
    whole.StudyInstanceUID, whole.SeriesInstanceUID, whole.SOPInstanceUID = UIDS
    whole.ReferencedStudySequence = [outer, other, Dataset()]
    whole.PatientName = "Somebody^Else"
    whole.PixelData = bytes(100)
    whole["PixelData"].VR = "OW"
    for level, keyword in ((outer, "ReferencedImageSequence"), (whole, "ReferencedStudySequence")):
        level[keyword].is_undefined_length = undefined
        for item in level[keyword].value:
            item.is_undefined_length_sequence_item = undefined
    return whole


def encoded(whole: Dataset, encoding: Encoding) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = encoding.implicit_vr, encoding.little_endian
    write_dataset(file, whole)
    return file.getvalue()


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_uids_of_the_data_set_itself(encoding, undefined):
    assert identify(encoded(dataset(undefined=undefined), encoding), encoding) == UIDS


def test_a_sequence_of_unknown_type_is_implicit():
    inner = encoded(dataset(undefined=True), Encoding(True, True))
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + inner[: inner.find(b"\xe0\x7f")]
    unknown = struct.pack("<HH2sHL", 0x0009, 0x1001, b"UN", 0, 0xFFFFFFFF) + item
    unknown += struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    plain = Dataset()
    plain.StudyInstanceUID, plain.SeriesInstanceUID = UIDS[:2]
    encoding = Encoding(False, True)
    assert identify(unknown + encoded(plain, encoding), encoding) == (*UIDS[:2], "")


@pytest.mark.parametrize("missing", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_what_is_missing_is_empty(missing):
    whole = dataset(undefined=True)
    del whole[missing]
    expected = tuple(
        "" if name == missing else uid
        for name, uid in zip(
            ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), UIDS, strict=True
        )
    )
    assert identify(encoded(whole, ENCODINGS[1]), ENCODINGS[1]) == expected


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_data_set_that_is_cut_gives_no_wrong_uid(encoding):
    content = encoded(dataset(undefined=True), encoding)
    for length in range(len(content)):
        try:
            found = identify(content[:length], encoding)
        except ValueError:
            continue
        assert all(each in ("", uid) for each, uid in zip(found, UIDS, strict=True))


def sequence(depth: int, items: int) -> bytes:
    start = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    return (start + item) * depth + struct.pack("<HHL", 0xFFFE, 0xE000, 0) * items


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (sequence(40, 0), "more than 32 sequences"),
        (sequence(100_000, 0), "more than 32 sequences"),
        (sequence(1, 1_000_000), "more than 100000 elements"),
    ],
    ids=["deep", "very deep", "empty items"],
)
def test_bounds(content, words):
    begun = time.monotonic()
    with pytest.raises(ValueError, match=words):
        identify(content, Encoding(False, True))
    assert time.monotonic() - begun < 5
