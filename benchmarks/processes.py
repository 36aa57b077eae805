"""Run a command, and measure time and memory of all its processes together."""

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).resolve().parents[1]
INTERVAL = 0.5
"""Seconds between two looks at the memory."""


class Measured(NamedTuple):
    """What a command took.

    Attributes
    ----------
    began : float
        Seconds since 1970.
    seconds : float
        From the command until its process is gone.
    cpu : float
        Seconds of CPU, of its process and of those that it waited for.
    peak_mb : float
        The largest sum of PSS of all its processes: a page that n of them share counts 1/n in each.
    output : str
    """

    began: float
    seconds: float
    cpu: float
    peak_mb: float
    output: str


def run(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run a command.

    Raises
    ------
    SystemExit
        If it fails.
    """
    before = _cpu_of_children()
    began, started = time.time(), time.perf_counter()
    process = subprocess.Popen(
        command,
        env=dict(environment),
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    sizes = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, sizes), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - started
    watcher.join()
    if process.returncode:
        raise SystemExit(output[-3000:])
    return Measured(began, seconds, _cpu_of_children() - before, max(sizes) / 2**20, output)


def _cpu_of_children() -> float:
    times = psutil.Process().cpu_times()
    return times.children_user + times.children_system


def _watch(process: subprocess.Popen[str], sizes: list[float]) -> None:
    while process.poll() is None:
        with suppress(psutil.Error):
            first = psutil.Process(process.pid)
            sizes.append(sum(_pss(each) for each in [first, *first.children(recursive=True)]))
        time.sleep(INTERVAL)


def _pss(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss)
    except psutil.Error:  # it has ended meanwhile
        return 0.0
