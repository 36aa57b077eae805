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

from ich_resources.children import Children, asking_threads

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


LIMITED = """
import sys, time
from ich_resources.children import serve
def answer(first):
    if first == b"sleep":
        time.sleep(60)
    if first == b"loop":
        sum(range(10**12))
    try:
        return str(len(bytearray(int(first)))).encode()
    except MemoryError:
        return b"no memory"
serve(answer, seconds=2, memory=200_000_000)
"""


@pytest.fixture
def limited(tmp_path: Path, monkeypatch) -> Children:
    (tmp_path / "limited_child.py").write_text(LIMITED)
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), root]))
    return Children("limited_child")


@pytest.mark.parametrize("request_", [b"sleep", b"loop"])  # a call, and code that hears no signal
def test_a_child_that_takes_too_long_fails_one_request(limited, tmp_path, request_):
    (tmp_path / "limited_child.py").write_text(LIMITED.replace("seconds=2", "seconds=1"))
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="limited_child took too long"):
        limited.ask(request_)
    assert 0.9 < time.monotonic() - began < 20
    assert limited.ask(b"1000") == b"1000"


def test_a_child_may_use_so_much_memory_and_no_more(limited):
    assert limited.ask(b"100000000") == b"100000000"
    assert limited.ask(b"300000000") == b"no memory"
    assert limited.ask(b"100000000") == b"100000000"


def busy_child() -> int:
    """Wait for a child of this process that works, and return its process."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for child in psutil.Process().children():
            with suppress(psutil.NoSuchProcess):
                if "limited_child" in child.cmdline() and child.cpu_times().user > 0.5:
                    return child.pid
        time.sleep(0.02)
    raise AssertionError("no child works")


def test_an_error_ends_the_children_at_work(limited, tmp_path):
    (tmp_path / "limited_child.py").write_text(LIMITED.replace("seconds=2", "seconds=60"))
    began = time.monotonic()
    asked, pids = [], []

    def interrupted() -> None:
        with asking_threads(limited, 2) as pool:
            asked.extend(pool.submit(limited.ask, b"loop") for _ in range(5))
            pids.append(busy_child())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    wait_until_ended(pids[0])
    assert time.monotonic() - began < 30
    assert all(future.cancelled() or isinstance(future.exception(), EOFError) for future in asked)
    assert limited.ask(b"7") == b"7"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_at_work_ends_with_us_even_if_we_are_killed(limited, tmp_path, number):
    (tmp_path / "limited_child.py").write_text(LIMITED.replace("seconds=2", "seconds=60"))
    code = "import threading; from ich_resources.children import Children; "
    code += "c = Children('limited_child'); c.ask(b'1'); "
    code += "print(next(iter(c._idle.queue)).pid, flush=True); c.ask(b'loop')"
    # In the background of a script Dagster ignores SIGTERM, and programs inherit that.
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    child = psutil.Process(pid)
    # Until the request it waits, and takes no time of the processor.
    idle = child.cpu_times().user
    while child.cpu_times().user < idle + 0.2:
        time.sleep(0.02)
    parent.send_signal(number)
    parent.wait(10)
    parent.stdout.close()
    wait_until_ended(pid)
