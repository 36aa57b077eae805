"""A folder that is scanned in pieces."""

import pytest

from ich_resources.dicom.resource import DicomResource


@pytest.mark.parametrize(("seconds", "expected"), [(0, 1), (-5, 1), (60, 3)])
def test_a_tick_without_time_reads_one_file(folder, seconds, expected):
    """So that a file that takes long does not keep the next ticks from what was read."""
    paths = sorted(path.name for path in folder.iterdir())
    files = DicomResource().scan_files(paths, folder, seconds=seconds)
    assert [file.path for file in files] == paths[:expected]
