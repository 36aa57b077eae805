"""Child processes that answer requests over their standard input and output.

Plain processes, not ``multiprocessing``: nothing is forked while threads hold locks. A child that
crashes does not end this process. A child ends when its standard input is closed, so none survives
this process.
"""

import atexit
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
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
        atexit.register(self._end_all)

    def ask(self, *request: bytes) -> bytes:
        """Return the answer of a child that is idle, or of a new one.

        Raises
        ------
        EOFError
            If the child dies over the request.
        """
        child = self._child()
        try:
            assert child.stdin is not None and child.stdout is not None
            for part in request:
                _write(child.stdin, part)
            child.stdin.flush()
            answer = _read(child.stdout)
        except (EOFError, OSError) as err:
            _end(child)
            raise EOFError(f"a process of {self._module} died") from err
        self._idle.put(child)
        return answer

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
            process_group=0,  # Ctrl-C is for us: a request that is under way is answered
        )

    def _end_all(self) -> None:
        with suppress(Empty):
            while True:
                _end(self._idle.get_nowait())


def serve(answer: Callable[..., bytes], parts: int = 1) -> None:
    """Answer requests until the standard input is closed; runs in a child process.

    Parameters
    ----------
    answer : callable
        Takes the parts of a request; what it raises ends the process.
    parts : int
        Parts of a request.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the output of a library must not come between the answers
    while True:
        try:
            request = [_read(sys.stdin.buffer) for _ in range(parts)]
        except EOFError:
            return
        _write(answers, answer(*request))
        answers.flush()


def _end(child: Process) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        with suppress(OSError):  # what a crashed child has not read
            if pipe is not None:
                pipe.close()


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
