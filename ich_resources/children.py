"""Child processes that answer requests over their standard input and output, within limits.

Plain processes, not ``multiprocessing``: nothing is forked while threads hold locks. A child that
crashes does not end this process. The kernel ends a child that is too slow, and a child whose
parent is gone, even inside a library that answers no signal handler.
"""

import atexit
import fcntl
import os
import resource
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, LifoQueue
from typing import IO

_LENGTH = struct.Struct(">Q")
Process = subprocess.Popen[bytes]


class Children:
    """Processes of one kind: as many as threads ask at once, kept for the next request.

    Parameters
    ----------
    module : str
        What they run, as ``python -m``; it calls ``serve``.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._idle: LifoQueue[Process] = LifoQueue()
        self._busy: set[Process] = set()
        self._ended = 0
        self._lock = threading.Lock()
        atexit.register(self._end_all)

    def ask(self, *request: bytes) -> bytes:
        """Return the answer of a child that is idle, or of a new one.

        Raises
        ------
        EOFError
            If the child dies over the request.
        TimeoutError
            If the child takes longer than the seconds that it gave to ``serve``.
        """
        ended = self._ended
        child = self._child()
        with self._lock:
            self._busy.add(child)
            if ended != self._ended:  # an interrupt came while the child was started
                child.kill()
        try:
            assert child.stdin is not None and child.stdout is not None
            for part in request:
                _write(child.stdin, part)
            child.stdin.flush()
            answer = _read(child.stdout)
        except (EOFError, OSError) as err:
            if _end(child) == -signal.SIGALRM:
                raise TimeoutError(f"a process of {self._module} took too long") from err
            raise EOFError(f"a process of {self._module} died") from err
        except BaseException:  # an interrupt: nobody will read the answer
            child.kill()
            _end(child)
            raise
        finally:
            with self._lock:
                self._busy.discard(child)
        self._idle.put(child)
        return answer

    def end_busy(self) -> None:
        """Kill the children that are at work: their requests end with an EOFError."""
        with self._lock:
            self._ended += 1
            for child in self._busy:
                child.kill()

    def _child(self) -> Process:
        # Never ask first whether one is there: another thread may take it before us.
        with suppress(Empty):
            while True:
                child = self._idle.get_nowait()
                if child.poll() is None:
                    return child
                _end(child)
        return subprocess.Popen(  # noqa: S603 - a module of ours
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libraries print here; the answer holds the error
            process_group=0,  # Ctrl-C is for us; we end the children that are at work
        )

    def _end_all(self) -> None:
        self.end_busy()
        with suppress(Empty):
            while True:
                _end(self._idle.get_nowait())


@contextmanager
def asking_threads(children: Children, number: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads that ask children. After an error or an interrupt, nobody waits for answers.

    Parameters
    ----------
    children : Children
        Whom the threads ask.
    number : int
        Number of threads.

    Yields
    ------
    ThreadPoolExecutor
        The threads. They have ended when the block has.
    """
    with ThreadPoolExecutor(number) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            children.end_busy()
            raise


def serve(
    answer: Callable[..., bytes], parts: int = 1, *, seconds: int = 0, memory: int = 0
) -> None:
    """Answer requests until the standard input is closed; runs in a child process.

    Parameters
    ----------
    answer : callable
        Takes the parts of a request; its error ends the process.
    parts : int
        Parts of a request.
    seconds : int
        Longest time for one answer; 0 for no limit. The kernel then ends the process (SIGALRM).
    memory : int
        Bytes of address space that answers may use beyond what is in use now; 0 for no limit.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the output of a library must not come between the answers
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    while True:
        try:
            request = [_read(sys.stdin.buffer) for _ in range(parts)]
        except EOFError:
            return
        with _ended_with_the_parent():
            signal.alarm(seconds)
            content = answer(*request)
            signal.alarm(0)
        _write(answers, content)
        answers.flush()


@contextmanager
def _ended_with_the_parent() -> Iterator[None]:
    """Have the kernel end this process (SIGIO) when the parent's end of the input is closed."""
    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_ASYNC)
    try:
        yield
    finally:
        fcntl.fcntl(0, fcntl.F_SETFL, flags)


def _end(child: Process) -> int:
    """End a child, and return its exit status."""
    if child.stdin is not None:
        with suppress(OSError):  # what a crashed child has not read
            child.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        child.wait(0.2)  # its own end says more than ours
    child.kill()
    status = child.wait()
    if child.stdout is not None:
        child.stdout.close()
    return status


def _write(pipe: IO[bytes], content: bytes) -> None:
    pipe.write(_LENGTH.pack(len(content)))
    pipe.write(content)


def _read(pipe: IO[bytes]) -> bytes:
    (length,) = _LENGTH.unpack(_read_whole(pipe, _LENGTH.size))
    return _read_whole(pipe, length)


def _read_whole(pipe: IO[bytes], length: int) -> bytes:
    content = pipe.read(length)
    if len(content) < length:
        raise EOFError
    return content
