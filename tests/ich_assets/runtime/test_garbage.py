"""What is left out of Python's searches for unreachable objects."""

import subprocess
import sys

import pytest

SCRIPT = """
import gc, sys
from ich_assets.runtime.garbage import spare_searches

class Node:
    def __del__(self): print("freed", self.name)

def cycle(name):
    node = Node()
    node.name, node.itself = name, node

if {spared}:
    spare_searches()
gc.disable()
cycle("while it runs")
gc.collect()
cycle("at the end")
sys.exit(3)
"""


@pytest.mark.parametrize(("spared", "at_the_end"), [(False, ["freed at the end"]), (True, [])])
def test_the_end_of_a_process_searches_no_more(spared, at_the_end):
    script = SCRIPT.format(spared=spared)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.splitlines() == ["freed while it runs", *at_the_end]


def test_a_library_that_would_complain_says_nothing():
    pytest.importorskip("triton")
    script = (
        "from ich_assets.runtime.garbage import spare_searches\n"
        "spare_searches()\n"
        "from triton._C import libtriton\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
