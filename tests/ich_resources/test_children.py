"""Children that answer, die, and end with us."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ich_resources.children import Children

ECHO = """
import os, sys, time
from ich_resources.children import serve
def answer(first, second):
    print("what a library says")
    if first == b"die":
        os._exit(3)
    return str(os.getpid()).encode() if first == b"who" else second + first
serve(answer, parts=2)
"""


@pytest.fixture
def children(tmp_path: Path, monkeypatch) -> Children:
    (tmp_path / "echo_child.py").write_text(ECHO)
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), root]))
    return Children("echo_child")


def test_requests_of_any_length_come_back_whole(children):
    long = os.urandom(3_000_000)
    assert children.ask(b"", b"") == b""
    assert children.ask(b"a", long) == long + b"a"


def test_a_child_that_is_idle_is_asked_again(children):
    assert children.ask(b"who", b"") == children.ask(b"who", b"")


def test_one_for_each_thread(children):
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda i: children.ask(str(i).encode(), b"x"), range(30)))
    assert answers == [f"x{i}".encode() for i in range(30)]


def test_no_thread_waits_for_the_child_that_another_has_taken(children):
    def slowly(frame, event, _):
        """Let the other thread have its turn between any two lines."""
        if frame.f_code.co_filename != sys.modules[Children.__module__].__file__:
            return None
        if event == "line":
            time.sleep(0.02)
        return slowly

    children.ask(b"a", b"b")  # one is idle now
    answered = []

    def ask() -> None:
        with pytest.raises(EOFError):
            children.ask(b"die", b"")  # so that nobody gives it back
        answered.append(True)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(2)]
    threading.settrace(slowly)
    try:
        for thread in threads:
            thread.start()
    finally:
        threading.settrace(None)
    for thread in threads:
        thread.join(30)
    assert answered == [True, True]


def wait_until_ended(pid: int) -> None:
    deadline = time.monotonic() + 20
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, f"process {pid} does not end"
            time.sleep(0.02)


def test_a_child_that_dies_fails_one_request(children):
    with pytest.raises(EOFError, match="echo_child died"):
        children.ask(b"die", b"")
    assert children.ask(b"a", b"b") == b"ba"
    pid = int(children.ask(b"who", b""))
    os.kill(pid, signal.SIGKILL)
    wait_until_ended(pid)
    assert children.ask(b"a", b"b") == b"ba"


def test_children_end_with_us_even_if_we_are_killed(children):
    code = "import os; from ich_resources.children import Children; "
    code += "c = Children('echo_child'); print(c.ask(b'who', b'').decode(), flush=True); "
    for end in ("", "os.kill(os.getpid(), 9)"):
        done = subprocess.run(
            [sys.executable, "-c", code + end], capture_output=True, text=True, check=False
        )
        wait_until_ended(int(done.stdout))
