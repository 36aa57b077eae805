import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from ich_resources.demo.study import write_series
from ich_resources.dicom.patients import patient_of
from ich_resources.digests import patient_key

KEY = b"k" * 32


@pytest.fixture
def file(tmp_path):
    return write_series(tmp_path, name="head", slices=1, bleed=False, size=32)[0]


def with_patient(path, patient):
    dataset = pydicom.dcmread(path)
    dataset.PatientID = patient
    dataset.save_as(path)
    return dataset


def test_the_hash_is_that_of_the_identifier_without_spaces(file):
    with_patient(file, " 4711 ")
    assert patient_of(file, KEY) == patient_key(KEY, "4711")
    assert patient_of(file, b"other") != patient_key(KEY, "4711")


def test_a_file_that_is_not_plain_is_read_in_a_child(file):
    dataset = with_patient(file, "4711")
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(file)
    assert patient_of(file, KEY) == patient_key(KEY, "4711")


def test_without_an_identifier_or_a_file_it_is_empty(file, tmp_path):
    with_patient(file, "")
    assert patient_of(file, KEY) == ""
    dataset = pydicom.dcmread(file)
    del dataset.PatientID
    dataset.save_as(file)
    assert patient_of(file, KEY) == ""
    file.write_bytes(b"no DICOM")
    assert patient_of(file, KEY) == "" and patient_of(tmp_path / "none.dcm", KEY) == ""
