"""Whole files or none, and an error that says what to do."""

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from ich_resources.errors import StorageError
from ich_resources.storage.arrays import read_array
from ich_resources.storage.files import (
    read_json,
    remove,
    require_writable,
    sweep,
    write_bytes,
    write_json,
)

MEGABYTE = 1 << 20


@contextmanager
def file_size_limit(size: int):
    """Let no file of this process grow beyond a size."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_write_makes_folders_and_replaces(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["file.txt"]


def test_the_old_content_stays_until_the_new_is_whole(tmp_path):
    """The inode of the old file is never written to."""
    path = tmp_path / "file.txt"
    write_bytes(path, b"old")
    with path.open("rb") as reader:
        write_bytes(path, b"something new")
        assert reader.read() == b"old"


def test_a_write_cut_short_leaves_the_old_content(tmp_path):
    path = tmp_path / "file.bin"
    write_bytes(path, b"old")
    with file_size_limit(MEGABYTE), pytest.raises(StorageError, match="File too large") as caught:
        write_bytes(path, bytes(2 * MEGABYTE))
    assert "ulimit" in caught.value.remedy
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file.bin"]


FILL_A_DISK = """
import sys
from pathlib import Path
from ich_resources.errors import StorageError
from ich_resources.storage.files import write_bytes
path = Path(sys.argv[1]) / "file.bin"
write_bytes(path, b"old")
try:
    write_bytes(path, bytes(1 << 20))
except StorageError as err:
    print(err)
print(path.read_bytes() == b"old", sum(1 for _ in path.parent.iterdir()))
"""


def test_a_full_disk(tmp_path):
    """On a file system of 64 KiB, in a mount namespace of its own."""
    unshare = shutil.which("unshare")
    mount = 'mount -t tmpfs -o size=64k none "$1" || exit 77; exec "$2" -c "$3" "$1"'
    command = [unshare, "-rm", "sh", "-c", mount, "sh", tmp_path, sys.executable, FILL_A_DISK]
    if unshare is None or subprocess.run([unshare, "-rm", "true"], check=False).returncode:
        pytest.skip("no mount namespace may be made here")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip(f"nothing may be mounted here: {done.stderr}")
    message, state = done.stdout.splitlines()
    assert "No space left on device" in message
    assert "the disk is full: free some space" in message
    assert state == "True 1"


@pytest.mark.parametrize(
    ("folder", "file"),
    [("x/y/z", None), (".", "x"), ("x", "x/y")],
    ids=["a folder", "a file further up", "a file as folder"],
)
def test_something_is_in_the_way(tmp_path, folder, file):
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    if file is not None:
        (tmp_path / file).write_text("in the way")
    path = tmp_path / "x" / "y" / "z"
    with pytest.raises(StorageError, match="cannot write") as caught:
        write_bytes(path, b"new")
    assert caught.value.path == path
    assert "in the way" in caught.value.remedy
    assert not list(tmp_path.rglob(".part-*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(StorageError) as caught:
        write_bytes(folder / "file.txt", b"new")
    assert "writable" in caught.value.remedy
    assert names(folder) == []


def test_json_for_people(tmp_path):
    path = tmp_path / "value.json"
    value = {"name": "Schädel ∅", "list": [1, 0.1, None, True], "empty": {}}
    write_json(path, value)
    assert "Schädel ∅" in path.read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8").endswith("}\n")
    assert read_json(path, remedy="") == value


def test_json_of_a_file_name_that_is_not_utf8(tmp_path):
    name = os.fsdecode(b"Sch\xe4del.dcm")
    path = tmp_path / "value.json"
    write_json(path, {"path": name})
    assert read_json(path, remedy="") == {"path": name}
    assert json.loads(path.read_text(encoding="utf-8")) == {"path": name}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_has_no_such_numbers(tmp_path, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "value.json", {"score": number})
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [None, b"", b'{"half": ', b"\xff\xfe\x00"])
@pytest.mark.parametrize("read", [read_json, read_array])
def test_what_cannot_be_read_names_file_and_remedy(tmp_path, read, content):
    path = tmp_path / "value"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StorageError) as caught:
        read(path, remedy="run it again")
    assert caught.value.path == path
    assert caught.value.remedy == "run it again"


def test_remove(tmp_path):
    kept, gone = tmp_path / "kept", tmp_path / "gone"
    kept.touch()
    gone.touch()
    remove([gone, tmp_path / "never there"])
    assert names(tmp_path) == ["kept"]
    with pytest.raises(StorageError, match="cannot remove") as caught:
        remove([tmp_path])
    assert caught.value.path == tmp_path


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path):
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    host = socket.gethostname()
    left = tmp_path / "a" / "b" / f".part-{host}-{killed.pid}-0"
    others = [
        tmp_path / "a" / f".part-{host}-{os.getpid()}-0",
        tmp_path / "a" / f".part-another-{killed.pid}-0",
        tmp_path / "a" / "b" / "result.csv",
    ]
    for path in (left, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert sweep(tmp_path) == 1
    assert not left.exists()
    assert all(path.exists() for path in others)


def test_a_root_is_tried_and_nothing_is_left_of_the_trial(tmp_path):
    require_writable(tmp_path / "root")
    assert names(tmp_path / "root" / "state") == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot write"):
        require_writable(tmp_path / "file")
