"""Links, pipes and closed folders: what a folder can hold besides files."""

import os
import shutil
from pathlib import Path

import pytest
from ledgers import only_series, scan, unassigned_codes

from ich_resources.demo.study import (
    uid,
)
from ich_resources.errors import DicomError
from ich_resources.reasons import Reason

HEAD = uid("demo", "head")


@pytest.mark.timeout(20, method="thread")
def test_pipe_does_not_hang(folder):
    os.mkfifo(folder / "pipe.dcm")
    ledger = scan(folder)
    assert (ledger.files_seen, ledger.files_not_dicom) == (4, 1)


def test_linked_folder_is_followed(folder, tmp_path):
    (tmp_path / "link").mkdir()
    (tmp_path / "link/to").symlink_to(folder)
    series = only_series(scan(tmp_path / "link"))
    assert {record.path for record in series.slices} == {"to/IM0001", "to/IM0002", "to/IM0003"}


@pytest.mark.timeout(20, method="thread")
def test_circle_of_links_ends(folder):
    (folder / "self").symlink_to(folder)
    (folder / "sub").mkdir()
    (folder / "sub/up").symlink_to(folder.parent)
    ledger = scan(folder)
    assert ledger.files_seen == 3 and only_series(ledger).count("admitted") == 3


def test_two_links_to_one_folder_always_give_the_first(folder, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    for name in "qbzamxc":
        (root / name).symlink_to(folder)
    assert {record.path[0] for record in only_series(scan(root)).slices} == {"a"}


@pytest.mark.parametrize("target", ["nowhere", "broken"])
def test_broken_link_is_reported(folder, target):
    (folder / "broken").symlink_to(folder / target)
    ledger = scan(folder)
    assert unassigned_codes(ledger) == {"broken": Reason.UNREADABLE}
    assert ledger.unassigned[0].judgement.state == "failed"


@pytest.fixture
def closed(folder: Path):
    """A folder of DICOM below the other files, with no permissions at all; opened again after."""
    path = folder / "closed"
    path.mkdir()
    shutil.copy(folder / "IM0001", path)
    path.chmod(0)
    if os.access(path, os.R_OK):
        path.chmod(0o700)
        pytest.skip("no folder is closed to this user (root)")
    yield path
    path.chmod(0o700)


@pytest.mark.parametrize(("mode", "unassigned"), [(0, "closed"), (0o400, "closed/IM0001")])
def test_unreadable_folder_is_reported(closed, mode, unassigned):
    closed.chmod(mode)  # 0o400: its names can be read, its files cannot
    ledger = scan(closed.parent)
    assert unassigned_codes(ledger) == {unassigned: Reason.UNREADABLE}
    assert only_series(ledger).count("admitted") == 3


def test_closed_folder_alone_is_no_empty_input(closed):
    for path in closed.parent.glob("IM*"):
        path.unlink()
    assert unassigned_codes(scan(closed.parent)) == {"closed": Reason.UNREADABLE}


def test_unreadable_input_folder(closed):
    with pytest.raises(DicomError, match="cannot be opened.*permissions"):
        scan(closed)


def test_unreadable_file_is_reported(closed):
    path = closed.parent / "IM0002"
    path.chmod(0)
    codes = unassigned_codes(scan(closed.parent))
    assert codes == {"IM0002": Reason.UNREADABLE, "closed": Reason.UNREADABLE}
