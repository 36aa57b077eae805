"""Several folders are read as one."""

import pytest

from ich_resources.demo.study import write_series
from ich_resources.dicom.discovery import scan, scan_folders
from ich_resources.dicom.reading import read_series
from ich_resources.errors import DicomError
from ich_resources.series_images import HuSlice


@pytest.fixture
def folders(tmp_path):
    files = write_series(tmp_path / "a", name="head", slices=6, bleed=False, size=32)
    (tmp_path / "deep" / "b").mkdir(parents=True)
    for path in files[::2]:
        path.rename(tmp_path / "deep" / "b" / path.name)
    return tmp_path / "a", tmp_path / "deep" / "b"


def test_a_series_may_lie_in_two_folders(folders, tmp_path):
    ledger = scan_folders(list(folders))
    (series,) = ledger.series
    assert series.count("admitted") == 6 and ledger.files_seen == 6
    assert series.input_dir == str(tmp_path)
    assert {s.path.rpartition("/")[0] for s in series.slices} == {"a", "deep/b"}
    assert ledger.input_dirs == (str(folders[0]), str(folders[1]))
    assert series.version == scan(tmp_path).series[0].version
    read = list(read_series(series, tmp_path))
    assert len(read) == 6 and all(isinstance(item, HuSlice) for item in read)


def test_the_order_of_folders_and_a_folder_within_another_do_not_matter(folders, tmp_path):
    expected = scan_folders(list(folders)).series
    assert scan_folders(list(folders)[::-1]).series == expected
    within = scan_folders([tmp_path, *folders])
    assert within.files_seen == 6 and within.series == scan(tmp_path).series


def test_each_folder_must_hold_dicom_files(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DicomError, match="no DICOM file among its 0 files") as error:
        scan_folders([*folders, tmp_path / "empty"])
    assert error.value.path == tmp_path / "empty"
    with pytest.raises(DicomError, match="does not exist"):
        scan_folders([*folders, tmp_path / "none"])
