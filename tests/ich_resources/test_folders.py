"""Every file below a folder is found once, and what cannot be opened is said."""

import os

import pytest

from ich_resources.folders import FoundFile, files_below


def paths(folder) -> list[str]:
    files, closed = files_below(folder)
    assert closed == []
    return [file.path for file in files]


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_files_of_any_depth_sorted_by_path(tmp_path):
    for name in ("z", "a/b/c/deep", "a/b.x", "a-", "B"):
        touch(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert paths(tmp_path) == ["B", "a-", "a/b.x", "a/b/c/deep", "z"]


def test_size_and_time_are_those_of_the_file(tmp_path):
    path = tmp_path / "sub" / "file"
    path.parent.mkdir()
    path.write_bytes(b"12345")
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))
    assert files_below(tmp_path) == ([FoundFile("sub/file", 5, 1_700_000_000_123_456_789)], [])


def test_an_empty_folder_has_no_files(tmp_path):
    assert files_below(tmp_path) == ([], [])


def test_a_name_that_is_not_utf8_opens_the_file_again(tmp_path):
    (tmp_path / os.fsdecode(b"Sch\xe4del")).write_bytes(b"x")
    (found,) = paths(tmp_path)
    assert os.fsencode(found) == b"Sch\xe4del"
    assert (tmp_path / found).read_bytes() == b"x"


def test_a_linked_file_counts_with_the_size_of_its_target(tmp_path):
    (tmp_path / "outside").write_bytes(b"123")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "outside")
    files, _ = files_below(tmp_path / "in")
    assert [(file.path, file.size) for file in files] == [("link", 3)]


def test_a_linked_folder_is_entered(tmp_path):
    touch(tmp_path / "outside" / "deep" / "file")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "outside")
    assert paths(tmp_path / "in") == ["link/deep/file"]


def test_a_folder_reached_by_two_links_is_entered_by_the_first_name(tmp_path):
    touch(tmp_path / "outside" / "file")
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("c", "a", "b"):
        (folder / name).symlink_to(tmp_path / "outside")
    assert paths(folder) == ["a/file"]


def test_links_in_a_circle_end(tmp_path):
    touch(tmp_path / "a" / "file")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    assert paths(tmp_path) == ["a/file", "a/self"]


def test_a_dangling_link_is_a_file_without_size_and_time(tmp_path):
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert files_below(tmp_path) == ([FoundFile("gone", 0, 0)], [])


def test_a_folder_that_is_not_there_is_closed(tmp_path):
    assert files_below(tmp_path / "none") == ([], [(".", "No such file or directory")])


def test_a_closed_folder_is_named_and_the_others_are_read(tmp_path):
    closed = touch(tmp_path / "a" / "closed" / "file").parent
    touch(tmp_path / "b" / "file")
    closed.chmod(0)
    try:
        if os.access(closed, os.R_OK):
            pytest.skip("no folder is closed to this user (root)")
        files, shut = files_below(tmp_path)
    finally:
        closed.chmod(0o700)
    assert [file.path for file in files] == ["b/file"]
    assert shut == [("a/closed", "Permission denied")]
