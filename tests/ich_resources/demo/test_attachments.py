"""Localizer, dose report and dose page say what they are."""

import numpy as np
import pydicom
from pydicom.uid import CTImageStorage, SecondaryCaptureImageStorage, XRayRadiationDoseSRStorage

from ich_resources.demo.attachments import (
    write_dose_page,
    write_localizer,
)
from ich_resources.demo.dose_report import TOTAL_DLP, write_dose_report
from ich_resources.demo.headers import uid


def test_localizer(tmp_path):
    ds = pydicom.dcmread(write_localizer(tmp_path))
    assert ds.SOPClassUID == CTImageStorage
    assert ds.ImageType == ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    assert ds.SeriesInstanceUID == uid("demo", "localizer")
    assert ds.FrameOfReferenceUID == uid("demo", "frame of reference")
    assert ds.pixel_array.shape == (256, 256)
    row, column = np.reshape(ds.ImageOrientationPatient, (2, 3)).astype(float)
    assert np.abs(np.cross(row, column)).tolist() == [1, 0, 0]


def test_localizer_shows_air_above_the_head(tmp_path):
    image = pydicom.dcmread(write_localizer(tmp_path)).pixel_array - 1024.0
    assert image[:20].mean() < -990
    assert image[100:150, 100:150].mean() > -500


def test_dose_report(tmp_path):
    path = write_dose_report(tmp_path, study="other", suffix=".dcm")
    ds = pydicom.dcmread(path)
    assert path.name == "IM0001.dcm"
    assert ds.SOPClassUID == XRayRadiationDoseSRStorage == "1.2.840.10008.5.1.4.1.1.88.67"
    assert ds.Modality == "SR"
    assert "PixelData" not in ds and "Rows" not in ds
    assert ds.ConceptNameCodeSequence[0].CodeValue == "113701"
    numbers = [
        float(item.MeasuredValueSequence[0].NumericValue)
        for part in ds.ContentSequence
        for item in part.get("ContentSequence", [])
        if item.ValueType == "NUM"
    ]
    assert numbers == [3, TOTAL_DLP]


def test_dose_page(tmp_path):
    ds = pydicom.dcmread(write_dose_page(tmp_path))
    assert ds.SOPClassUID == SecondaryCaptureImageStorage == "1.2.840.10008.5.1.4.1.1.7"
    assert ds.ImageType == ["DERIVED", "SECONDARY"]
    assert (ds.Modality, ds.SeriesDescription) == ("CT", "Exam Summary")
    assert "WindowCenter" not in ds and "WindowWidth" not in ds
    image = ds.pixel_array
    assert image.shape == (512, 512) and image.dtype == np.uint8
    assert 0.005 < (image > 64).mean() < 0.2
