"""What is read of a source for DICOM objects: the named elements alone, in the process or not."""

import pydicom
import pytest
from ledgers import only_series, scan

from ich_resources.demo.study import write_series
from ich_resources.dicom.bounded import texts_in_child
from ich_resources.dicom.source_headers import KEYWORDS, source_headers, texts_here
from ich_resources.errors import DicomError


def test_the_named_elements_are_read(tmp_path):
    path = write_series(tmp_path, name="one", slices=3, bleed=False, size=64)[0]
    dataset = pydicom.dcmread(path)
    dataset.PatientName, dataset.PatientAddress = "A^B", "1 Street"
    dataset.PixelSpacing, dataset.SliceThickness = [0.5, 0.25], None
    dataset.save_as(path)
    here = texts_here(path.read_bytes(), path)
    assert here == texts_in_child(path.read_bytes(), path)
    assert set(here) <= set(KEYWORDS)
    assert here["PatientName"] == ["A^B"] and here["PixelSpacing"] == ["0.5", "0.25"]
    assert "SliceThickness" not in here  # empty
    series = only_series(scan(tmp_path))
    uid = str(dataset.SOPInstanceUID)
    assert source_headers(series, [uid]) == [here]
    dataset.PatientName = "C"
    dataset.save_as(path)
    with pytest.raises(DicomError, match="has changed") as error:
        source_headers(series, [uid])
    assert error.value.path == path
    path.unlink()
    with pytest.raises(DicomError, match="cannot be read"):
        source_headers(series, [uid])
