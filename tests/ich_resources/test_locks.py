"""One process at a time holds a lock, and it ends with the process."""

import errno
import fcntl
import subprocess
import sys

import pytest

from ich_resources.locks import exclusive_lock

HOLD = """
import sys
from pathlib import Path
from ich_resources.locks import exclusive_lock
with exclusive_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_another_process_is_refused_or_waits(tmp_path):
    path = tmp_path / "a" / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError), exclusive_lock(path, wait=False):
            raise AssertionError("held twice")
        other.kill()  # which ends its lock
        with exclusive_lock(path):
            pass
    with exclusive_lock(path, wait=False):
        pass


def test_a_file_system_without_locks_is_a_warning(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    held = False
    with pytest.warns(UserWarning, match="has no file locks"), exclusive_lock(tmp_path / "lock"):
        held = True
    assert held


def test_a_lock_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "lock"
    with pytest.raises(OSError, match="exists|Not a directory"), exclusive_lock(path):
        pass
