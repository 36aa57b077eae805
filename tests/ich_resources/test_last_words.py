"""The last words of a process that a library in C crashes."""

import signal
import subprocess
import sys

from ich_resources.last_words import KEPT, keeping_last_words, last_words

CRASH = """
import faulthandler, sys
from pathlib import Path
from ich_resources.last_words import keeping_last_words
with keeping_last_words(Path(sys.argv[1])):
    faulthandler._sigsegv()
"""


def test_a_crash_leaves_its_stacks(tmp_path):
    path = tmp_path / "logs" / "run.crash"
    crashed = subprocess.run([sys.executable, "-c", CRASH, path], capture_output=True)
    assert crashed.returncode == -signal.SIGSEGV
    assert last_words(path) == f"Fatal Python error: Segmentation fault [{path}]"
    assert 'File "<string>", line 6' in path.read_text()


def test_without_a_crash_nothing_is_left_and_room_is_made(tmp_path):
    for number in range(KEPT + 5):
        (tmp_path / f"{number}.crash").touch()
    path = tmp_path / "run.crash"
    with keeping_last_words(path):
        assert path.exists()
    assert last_words(path) == ""
    assert len(list(tmp_path.iterdir())) == KEPT
