"""A block that takes too long ends its process, and the cause is kept."""

import subprocess
import sys
import time

from ich_resources.watch import EXIT_STATUS, ending_after

HANGS = """
import sys, time
from pathlib import Path
from ich_resources import watch
watch.GRACE_S = 0.5
def note():
    Path(sys.argv[1]).write_text("it hung")
    {in_note}
with watch.ending_after(0.2, note):
    {block}
"""


def run(path, block, in_note="pass"):
    code = HANGS.format(block=block, in_note=in_note)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stderr


def test_a_block_that_hangs_ends_the_process_and_the_cause_is_kept(tmp_path):
    status, _ = run(tmp_path / "note", "time.sleep(60)")
    assert (status, (tmp_path / "note").read_text()) == (EXIT_STATUS, "it hung")


def test_a_cause_that_cannot_be_kept_does_not_keep_the_process(tmp_path):
    status, _ = run(tmp_path / "note", "time.sleep(60)", "raise OSError('full')")
    assert status == EXIT_STATUS


def test_a_library_that_keeps_the_lock_of_the_interpreter_is_ended_too(tmp_path):
    # PyDLL keeps the lock while the C function sleeps.
    block = "import ctypes; ctypes.PyDLL(None).sleep(60)"
    status, errors = run(tmp_path / "note", block)
    assert status == 1
    assert "Timeout" in errors
    assert not (tmp_path / "note").exists()


def test_a_block_that_ends_in_time_is_left_alone():
    ends = []
    with ending_after(0.2, lambda: ends.append(1)):
        pass
    time.sleep(0.4)
    assert ends == []
