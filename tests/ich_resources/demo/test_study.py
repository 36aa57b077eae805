"""The study on disk is valid DICOM, out of order, and the same every time."""

import hashlib
from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from ich_resources.demo import anatomy, phantom, plane, tissues
from ich_resources.demo.study import Acquisition, slice_heights, uid, write_demo_study, write_series

SIZE = 128


def read_hu(path: Path) -> np.ndarray:
    """Return the HU of a file: stored values after rescale."""
    ds = pydicom.dcmread(path)
    return ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    return write_series(
        folder, name="a", slices=5, bleed=True, size=SIZE, acquisition=Acquisition(spacing=4.5)
    )


def test_files_are_ct_slices(series):
    assert [path.name for path in series] == [f"IM000{k}" for k in range(1, 6)]
    for path in series:
        ds = pydicom.dcmread(path)
        assert ds.preamble == bytes(128)
        assert ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert ds.SOPClassUID == CTImageStorage
        assert ds.ImageType == ["ORIGINAL", "PRIMARY", "AXIAL"]
        assert (ds.Modality, ds.BodyPartExamined, ds.ConvolutionKernel) == ("CT", "HEAD", "H31s")
        assert (ds.Rows, ds.Columns, ds.BitsAllocated, ds.PixelRepresentation) == (
            SIZE,
            SIZE,
            16,
            1,
        )
        assert (ds.RescaleIntercept, ds.RescaleSlope) == (-1024, 1)
        assert (ds.WindowCenter, ds.WindowWidth) == (40, 80)
        assert ds.SliceThickness == 4.5
        assert float(ds.PixelSpacing[0]) == pytest.approx(plane.FIELD_OF_VIEW / SIZE)
        assert ds.SliceLocation == ds.ImagePositionPatient[2]


def test_uids_are_valid_and_distinct(series):
    read = [pydicom.dcmread(path) for path in series]
    assert len({ds.SOPInstanceUID for ds in read}) == len(read)
    assert {ds.SeriesInstanceUID for ds in read} == {uid("demo", "a")}
    assert {ds.StudyInstanceUID for ds in read} == {uid("demo")}
    assert len({ds.FrameOfReferenceUID for ds in read}) == 1
    assert all(UID(ds.SOPInstanceUID).is_valid for ds in read)
    assert uid("demo", "a") != uid("demo", "b") != uid("other", "b")


def test_positions_ascend_against_the_order_of_the_files(series):
    z = [float(pydicom.dcmread(path).ImagePositionPatient[2]) for path in series]
    assert z == [18.0, 13.5, 9.0, 4.5, 0.0]
    assert [int(pydicom.dcmread(path).InstanceNumber) for path in series] == [1, 2, 3, 4, 5]


def test_hu_on_disk_are_those_of_the_phantom(series):
    for path, height in zip(reversed(series), slice_heights(5), strict=True):
        expected = phantom.head_hu(height, bleed=True, size=SIZE)
        assert np.abs(read_hu(path) - np.clip(expected, -1024, 3071)).max() <= 0.5


def test_known_hu_on_disk(series):
    hu, (x, y) = read_hu(series[2]), plane.grid(SIZE)

    def mean(px: float, py: float) -> float:
        return hu[np.hypot(x - px, y - py) < 4].mean()

    assert mean(-105, -105) == pytest.approx(tissues.AIR_HU, abs=2)
    assert mean(anatomy.HAEMATOMA.x, anatomy.HAEMATOMA.y) == pytest.approx(
        tissues.HAEMATOMA_HU, abs=2
    )
    assert hu.max() == pytest.approx(tissues.BONE_HU, abs=20)


def test_options_reach_the_header(tmp_path):
    (path,) = write_series(
        tmp_path / "new" / "folder",
        name="b",
        slices=1,
        bleed=False,
        size=16,
        study="other",
        acquisition=Acquisition(
            window=(600.0, 2800.0), series_number=7, description="Bone", suffix=".dcm"
        ),
    )
    ds = pydicom.dcmread(path)
    assert path.name == "IM0001.dcm"
    assert (ds.WindowCenter, ds.WindowWidth) == (600, 2800)
    assert (ds.SeriesNumber, ds.SeriesDescription) == (7, "Bone")
    assert (ds.StudyInstanceUID, ds.SeriesInstanceUID) == (uid("other"), uid("other", "b"))


def test_same_call_same_bytes(tmp_path):
    for folder in ("one", "two"):
        write_series(
            tmp_path / folder,
            name="a",
            slices=3,
            bleed=True,
            size=32,
            acquisition=Acquisition(seed=4),
        )
    write_series(
        tmp_path / "three", name="a", slices=3, bleed=True, size=32, acquisition=Acquisition(seed=5)
    )
    assert digests(tmp_path / "one") == digests(tmp_path / "two") != digests(tmp_path / "three")


def test_heights():
    assert slice_heights(1) == [0.5]
    assert slice_heights(4) == [0.125, 0.375, 0.625, 0.875]
    with pytest.raises(ValueError, match="at least one slice"):
        slice_heights(0)


def test_demo_study(tmp_path):
    demo = write_demo_study(tmp_path, slices=2)
    found = defaultdict(list)
    for path in (tmp_path / "DICOM").rglob("IM*"):
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        assert ds.StudyInstanceUID == demo.study
        assert (ds.PatientName, ds.PatientID) == ("PHANTOM^HEAD", "PHANTOM")
        found[ds.SeriesInstanceUID].append(path)
    assert {series: len(paths) for series, paths in found.items()} == {
        demo.bleed_series: 2,
        demo.plain_series: 2,
        demo.localizer_series: 1,
        demo.dose_series: 1,
        demo.dose_page_series: 1,
    }
    assert {path.suffix for path in found[demo.bleed_series]} == {""}
    assert {path.suffix for path in found[demo.plain_series]} == {".dcm"}
    assert len({path.parent for paths in found.values() for path in paths}) == 5
    assert "synthetic" in (tmp_path / "README.txt").read_text(encoding="utf-8")
