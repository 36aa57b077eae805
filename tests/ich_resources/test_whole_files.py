"""A file is written whole or keeps its earlier content; errors come with a remedy."""

import errno
import os
import resource

import pytest

from ich_resources.whole_files import is_full, remedy_for, write_whole


def test_a_file_appears_whole_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    write_whole(path, b"one", ".part")
    write_whole(path, b"two", ".part", durable=True, durable_name=True)
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_a_write_that_fails_keeps_the_earlier_content(tmp_path):
    path = tmp_path / "file"
    write_whole(path, b"old", ".part")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, old[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write_whole(path, b"x" * 1000, ".part")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert "raise the limit" in remedy_for(caught.value, "RUN_ROOT")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "file" / "x").mkdir(parents=True)
    with pytest.raises(IsADirectoryError) as caught:
        write_whole(tmp_path / "file", b"x", ".part")
    assert remedy_for(caught.value, "MODEL_DIR") == (
        "a folder is in the way: choose another MODEL_DIR"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("number", "full", "words"),
    [
        (errno.ENOSPC, True, "the disk is full: free some space"),
        (errno.EDQUOT, True, "the quota is used up: free some space"),
        (errno.EACCES, False, "make RUN_ROOT writable, or choose another RUN_ROOT"),
        (errno.EROFS, False, "read-only: choose another RUN_ROOT"),
    ],
)
def test_remedies(number, full, words):
    error = OSError(number, os.strerror(number))
    assert is_full(error) is full
    assert words in remedy_for(error, "RUN_ROOT")


def test_an_error_without_a_known_remedy():
    assert remedy_for(OSError(errno.EIO, "i/o"), "RUN_ROOT") is None
    assert remedy_for(OSError("no number"), "RUN_ROOT") is None
