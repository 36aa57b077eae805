"""Run a command, and measure time and memory of all its processes together.

The process that measures imports none of the large libraries. PSS counts a page once for all
processes that have it, so what it had would be missing in the numbers.
"""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from ich_resources import environment

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
        The largest sum of PSS of all its processes that was seen, at a look each half second. A
        page that n of them share counts 1/n in each.
    output : str
        What it wrote, errors too.
    """

    began: float
    seconds: float
    cpu: float
    peak_mb: float
    output: str


def plain_environment(**more: str) -> dict[str, str]:
    """Return the environment without settings of Dagster and of this project, and with some more.

    Parameters
    ----------
    **more : str
        Variables of the command, by name.
    """
    ours = {value for name, value in vars(environment).items() if name.isupper()}
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DAGSTER_") and k not in ours}
    return kept | more


def run(command: Sequence[str], variables: Mapping[str, str]) -> Measured:
    """Run a command from the folder of the project.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    variables : mapping of str to str
        Its environment.

    Raises
    ------
    SystemExit
        If it fails.
    """
    before = _cpu_of_children()
    began, started = time.time(), time.perf_counter()
    process = subprocess.Popen(
        command,
        env=dict(variables),
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
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(process.pid)
            sizes.append(sum(_pss(each) for each in [first, *first.children(recursive=True)]))
        time.sleep(INTERVAL)


def _pss(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss)
    except psutil.NoSuchProcess:  # it has ended meanwhile
        return 0.0
