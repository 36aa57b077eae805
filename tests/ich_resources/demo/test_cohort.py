"""The patients of the demo as DICOM, and the table of their labels."""

import csv
import io

import pydicom
import pytest

from ich_resources.demo.cohort import AT_LEAST_ML, draw_cohort, labels_csv, write_cohort
from ich_resources.demo.patients import KINDS, slice_of
from ich_resources.demo.plane import HEAD_HEIGHT


@pytest.fixture(scope="module")
def cohort():
    return draw_cohort()


def test_ten_patients_and_half_of_them_bleed(cohort):
    assert len(cohort) == 10
    bleeding = [patient for patient in cohort if patient.bleeds]
    assert sorted(b.kind for patient in bleeding for b in patient.bleeds) == sorted(KINDS)
    assert all(patient.blood_ml >= AT_LEAST_ML for patient in bleeding)
    assert len({patient.seed for patient in cohort}) == 10


def test_files_and_labels(cohort, tmp_path):
    written = write_cohort(tmp_path, cohort[:2])
    assert [series.bleeds for series in written] == [True, False]
    files = sorted(path for path in tmp_path.rglob("IM*"))
    assert len(files) == 24
    read = {ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, files)}
    rows = list(csv.DictReader(io.StringIO(labels_csv(written))))
    assert [row["SOPInstanceUID"] for row in rows] == [
        instance for series in written for instance in series.slices
    ]
    assert len({ds.StudyInstanceUID for ds in read.values()}) == 2
    heights = {}
    for row in rows:
        ds = read.pop(row["SOPInstanceUID"])
        assert ds.PatientID == row["patient"]
        assert float(ds.SliceThickness) == HEAD_HEIGHT / 12
        heights.setdefault(ds.SeriesInstanceUID, []).append(float(ds.ImagePositionPatient[2]))
    assert not read
    assert all(z == sorted(z) for z in heights.values())
    positive = [row["any"] for row in rows]
    assert set(positive[:12]) == {"0", "1"} and set(positive[12:]) == {"0"}
    assert [r["epidural"] for r in rows] == positive


def test_the_image_is_the_patient(cohort, tmp_path):
    from ich_resources.demo.patients import heights_of

    write_cohort(tmp_path, cohort[:1])
    hu, _ = slice_of(cohort[0], heights_of(cohort[0], 12)[5], 256)
    ds = pydicom.dcmread(next(tmp_path.rglob("IM0007")))
    assert abs(ds.pixel_array - 1024.0 - hu.clip(-1024, 3071)).max() <= 0.5
