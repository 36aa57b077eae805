"""The key file: who may read it, what becomes of it, where it may not lie."""

import csv
import multiprocessing
import os
import stat

import pytest

from ich_resources.errors import StorageError
from ich_resources.storage.key_file import KeyRow, add_row, has_study, require_apart
from ich_resources.storage.layout import Layout

ROW = KeyRow("1.2.3", "ACC-1", "PID-1", "20260101", "120000")


def _table(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_only_its_owner_may_read_it_and_rows_stay(tmp_path):
    path = tmp_path / "keys.csv"
    path.touch(0o644)
    (tmp_path / ".keys.csv.part").touch(0o644)  # left by a killed process
    umask = os.umask(0)
    try:
        add_row(path, ROW)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    add_row(path, ROW)
    add_row(path, ROW._replace(PatientID="=1+1"))  # the same study, under another name
    assert _table(path) == [list(KeyRow._fields), list(ROW), [*ROW[:2], "'=1+1", *ROW[3:]]]
    assert has_study(path, "1.2.3") and not has_study(path, "1.2.4")
    assert {p.name for p in tmp_path.iterdir()} == {"keys.csv", ".keys.csv.lock"}


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "safe").mkdir()
    link = tmp_path / "keys.csv"
    link.symlink_to(tmp_path / "safe" / "k.csv")
    add_row(link, ROW)
    assert link.is_symlink() and has_study(link, "1.2.3")
    assert stat.S_IMODE((tmp_path / "safe" / "k.csv").stat().st_mode) == 0o600


def _add(path, number):
    for study in range(10):
        add_row(path, ROW._replace(StudyInstanceUID=f"{number}.{study}"))


def test_several_processes_lose_no_row(tmp_path):
    path = tmp_path / "keys.csv"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_add, args=(path, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert len(_table(path)) == 31


@pytest.mark.parametrize("content", [b"name,age\nx,1\n", b"\xff\xfe", b"StudyInstanceUID\n1\n"])
def test_another_file_is_left_as_it_is(tmp_path, content):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(StorageError, match="not a key file of ich") as error:
        add_row(path, ROW)
    assert path.read_bytes() == content
    assert "PID-1" not in str(error.value)


def test_it_may_not_lie_in_the_results_or_in_the_input(tmp_path):
    layout = Layout(tmp_path / "results")
    (tmp_path / "other").mkdir()
    layout.run_root.mkdir()
    layout.output.symlink_to(tmp_path / "other")  # output may lie on another disk
    (tmp_path / "link").symlink_to(layout.run_root)
    for inside in ("results/keys.csv", "other/keys.csv", "link/state/keys.csv"):
        with pytest.raises(StorageError, match="lies inside RUN_ROOT"):
            require_apart(tmp_path / inside, layout)
    with pytest.raises(StorageError, match="lies inside the input folder"):
        require_apart(tmp_path / "in" / "a" / "keys.csv", layout, tmp_path / "in")
    require_apart(tmp_path / "keys.csv", layout, tmp_path / "in")


def test_a_folder_that_cannot_be_written_is_an_error_without_the_row(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as error:
        add_row(tmp_path / "file" / "keys.csv", ROW)
    assert "PID-1" not in str(error.value)
