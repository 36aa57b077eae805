"""No text of a broken element, and none that a damaged length pulled in, is kept or quoted."""

import json
import struct

import pydicom
import pytest

from ich_resources.demo.study import write_series
from ich_resources.dicom.quoting import (
    NOT_SHOWN,
    fault,
    shown_code,
    shown_modality,
    shown_text,
    shown_uid,
    unquoted,
)
from ich_resources.dicom.scanned import scan_file

SECRET = b"DOE^JANE 19520317 "


@pytest.fixture
def one(tmp_path):
    (path,) = write_series(tmp_path, name="head", slices=1, bleed=True, size=32)
    dataset = pydicom.dcmread(path)
    dataset.PatientName, dataset.PatientBirthDate = "DOE^JANE", "19520317"
    dataset.save_as(path)
    return path


def _kept(path) -> str:
    return json.dumps(scan_file(path.name, path.parent).to_json())


@pytest.mark.parametrize(
    "keyword",
    [
        "RescaleSlope",
        "RescaleIntercept",
        "WindowCenter",
        "WindowWidth",
        "SliceLocation",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "SliceThickness",
        "Modality",
        "ImageType",
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "StudyInstanceUID",
        "SOPClassUID",
        "BodyPartExamined",
        "ConvolutionKernel",
        "Rows",
        "SamplesPerPixel",
    ],
)
def test_a_broken_value_is_not_kept(one, set_bytes, keyword):
    set_bytes(one, keyword, SECRET)
    kept = _kept(one)
    assert "DOE" not in kept and "JANE" not in kept and "19520317" not in kept


@pytest.mark.parametrize("extra", [8, 20, 60, 200])
def test_a_damaged_length_pulls_in_nothing_that_is_kept(one, extra):
    """The description swallows the elements behind it, the name of the patient among them."""
    content = bytearray(one.read_bytes())
    at = content.index(b"\x08\x00\x3e\x10LO")
    (length,) = struct.unpack_from("<H", content, at + 6)
    name = content.index(b"DOE^JANE")
    reach = name - (at + 8) - length + extra
    struct.pack_into("<H", content, at + 6, length + reach + reach % 2)
    one.write_bytes(content)
    kept = _kept(one)
    assert "DOE" not in kept and "19520317" not in kept


def test_ordinary_texts_are_shown():
    assert shown_code("CT_SOM5 TOP") == "CT_SOM5 TOP"
    assert shown_code("DOE^JANE") == shown_code("19520317") == NOT_SHOWN
    assert (shown_modality("MR"), shown_modality("DOE JANE")) == ("MR", NOT_SHOWN)
    assert shown_text("Schädel nativ 5.0 H31s") == "Schädel nativ 5.0 H31s"
    assert shown_text("HEAD\x10\x00\x10\x00PN") == shown_text("x" * 65) == ""
    assert shown_uid("1.2.840.10008.5.1.4.1.1.4") == "1.2.840.10008.5.1.4.1.1.4"
    assert shown_uid("19520317") == shown_uid("DOE^JANE") == NOT_SHOWN


@pytest.mark.parametrize(
    "error",
    [
        ValueError("could not convert string to float: 'DOE^JANE'"),
        KeyError("DOE^JANE"),
        NotImplementedError("Unknown Value Representation 'DOE^JANE'"),
        OverflowError("DOE^JANE"),
        AttributeError("DOE^JANE"),
    ],
)
def test_an_error_names_the_kind_of_fault(error):
    assert "DOE" not in fault(error) and len(fault(error)) > 10


def test_a_quotation_is_left_out_even_with_quotation_marks_in_it():
    assert unquoted("a value of 'DOE^JANE'\n is invalid") == "a value of ..."
    assert "Brien" not in unquoted(str(ValueError(f"no number: {chr(39)}O\\{chr(39)}Brien x")))
    assert unquoted("it isn't 'DOE'") == "it isn..."
