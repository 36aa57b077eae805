"""Header values, what stands in for absent ones, and headers that lie or end early."""

import io
import math

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from ich_resources.demo.study import uid, write_series
from ich_resources.dicom.header_values import read_header
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason


def _header(path):
    return read_header(path.read_bytes(), path)


def test_values_of_the_phantom(phantom):
    header = _header(phantom / "IM0001")
    assert header.series_instance_uid == uid("demo", "head")
    assert header.sop_instance_uid == uid("demo", "head", 1)
    assert header.study_instance_uid == uid("demo")
    assert (header.rows, header.columns, header.samples, header.frames) == (64, 64, 1, 1)
    assert (header.modality, header.image_type) == ("CT", ("ORIGINAL", "PRIMARY", "AXIAL"))
    assert header.position is not None and header.position[2] == 10
    assert header.orientation == (1, 0, 0, 0, 1, 0)
    assert header.slice_location == 10
    assert (header.window, header.rescale) == ((40, 80), (1, -1024))
    assert header.has_pixels and header.malformed == ""


def test_first_of_several_windows(one, edit):
    edit(one, WindowCenter=[35, 400], WindowWidth=[85.5, 2000])
    assert _header(one).window == (35, 85.5)


def test_absent_window_and_rescale(one, edit):
    edit(one, WindowCenter=None, WindowWidth=None, RescaleSlope=None, RescaleIntercept=None)
    header = _header(one)
    assert (header.window, header.rescale, header.malformed) == ((40, 80), (1, 0), "")
    assert header.has_rescale is False


def test_empty_window_counts_as_absent(one, set_bytes):
    set_bytes(one, "WindowCenter", b"")
    set_bytes(one, "WindowWidth", b"")
    assert _header(one).window == (40, 80)


def test_rescale_keeps_fractions(one, edit):
    edit(one, RescaleSlope="0.5", RescaleIntercept="-1024.25")
    header = _header(one)
    assert (header.rescale, header.has_rescale) == ((0.5, -1024.25), True)


@pytest.mark.parametrize(
    ("keyword", "rescale"), [("RescaleSlope", (1, -1024)), ("RescaleIntercept", (1, 0))]
)
def test_half_a_rescale_is_none(one, set_bytes, keyword, rescale):
    set_bytes(one, keyword, b"")
    header = _header(one)
    assert (header.rescale, header.has_rescale) == (rescale, False)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("WindowCenter", b"forty"),
        ("WindowWidth", b"80;0"),
        ("RescaleSlope", b"nan"),
        ("RescaleIntercept", b"inf"),
        ("SliceLocation", b"1e999"),
        ("ImagePositionPatient", b"1\\2"),
        ("ImagePositionPatient", b"1\\2\\nan"),
        ("ImageOrientationPatient", b"1\\0\\0\\0\\1"),
        ("Rows", b"\1\2\3\4"),
    ],
)
def test_malformed_value_is_named(one, set_bytes, keyword, value):
    set_bytes(one, keyword, value)
    assert _header(one).malformed.startswith(f"{keyword} cannot be read")


def _encoded(path, syntax):
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    implicit = syntax == ImplicitVRLittleEndian
    pydicom.dcmwrite(file, ds, implicit_vr=implicit, little_endian=True, enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_no_truncation_gives_another_uid(tmp_path, syntax):
    (path,) = write_series(tmp_path, name="tiny", slices=1, bleed=False, size=8)
    content = _encoded(path, syntax)
    whole = read_header(content, path)
    uids = ("sop_class_uid", "sop_instance_uid", "series_instance_uid", "study_instance_uid")
    readable = 0
    for end in range(132, len(content)):
        try:
            cut = read_header(content[:end], path)
        except DicomError:
            continue
        readable += 1
        assert all(getattr(cut, name) in ("", getattr(whole, name)) for name in uids), end
        assert cut.malformed or not cut.has_pixels, f"whole after {end} bytes"
    assert readable > 200


def test_truncated_inside_a_deflated_file(one):
    content = _encoded(one, DeflatedExplicitVRLittleEndian)
    assert read_header(content, one).series_instance_uid == uid("demo", "head")
    with pytest.raises(DicomError, match="not a readable DICOM file") as caught:
        read_header(content[:-200], one)
    assert caught.value.code == Reason.UNREADABLE


def test_truncated_pixels_keep_the_header(one, compress):
    compress(one)
    content = one.read_bytes()
    header = read_header(content[:-1500], one)
    assert header.series_instance_uid == uid("demo", "head")
    assert not header.has_pixels


@pytest.mark.parametrize("length", [132, 141, 152])  # of the preamble, a length, an OB length
def test_truncated_inside_the_file_meta(one, length):
    with pytest.raises(DicomError) as caught:
        read_header(one.read_bytes()[:length], one)
    assert caught.value.code == Reason.UNREADABLE


def test_unknown_value_representation(one):
    content = one.read_bytes().replace(b"\x28\x00\x51\x10DS", b"\x28\x00\x51\x10ZZ")
    assert "WindowWidth cannot be read" in read_header(content, one).malformed


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 300, b"DICM" * 100, bytes(range(256))])
def test_no_dicom_at_all(tmp_path, content):
    with pytest.raises(DicomError, match="not a readable DICOM file") as caught:
        read_header(content, tmp_path / "text.dcm")
    assert caught.value.code == Reason.UNREADABLE
    assert caught.value.path == tmp_path / "text.dcm"


def test_file_without_preamble(one):
    header = read_header(one.read_bytes()[132:], one)
    assert header == _header(one)


def test_nothing_identifies_the_patient(one, edit):
    edit(
        one,
        PatientName="SECRET^NAME",
        PatientID="SECRET-1",
        PatientBirthDate="19010203",
        AccessionNumber="SECRET-2",
        ReferringPhysicianName="SECRET^DOCTOR",
        InstitutionName="SECRET HOUSE",
    )
    assert "SECRET" not in repr(_header(one)) and "19010203" not in repr(_header(one))


def test_all_numbers_are_finite_floats(phantom):
    header = _header(phantom / "IM0002")
    numbers = (*header.position, *header.orientation, *header.window, *header.rescale)
    assert all(type(number) is float and math.isfinite(number) for number in numbers)


def test_the_sender_is_that_of_the_file_meta_information(one):
    assert _header(one).sender == ""
    dataset = pydicom.dcmread(one)
    dataset.file_meta.SourceApplicationEntityTitle = "CT_ER"
    dataset.save_as(one)
    assert _header(one).sender == "CT_ER"
