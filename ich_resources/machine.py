"""What this machine has: Python, processor, memory, disk, ports. Each look says what it found."""

import os
import platform
import shutil
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

from ich_resources.errors import DISK, IchError

LEAST_PYTHON = (3, 11)
LEAST_FREE = 256 * 2**20
"""Bytes that must be free below RUN_ROOT, so that a run can write the results of a series."""
LEAST_MEMORY = 4 * 2**30
"""Bytes of memory: networks of one fold each, on the CPU, need 3 GB (benchmarks/README.md)."""
_TIMEOUT_S = 3.0
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def python_version(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> str:
    """Return the version of Python.

    Raises
    ------
    IchError
        If it is older than 3.11.
    """
    text = ".".join(map(str, version))
    if version < LEAST_PYTHON:
        raise IchError(
            f"Python {text} is too old: this program needs 3.11 or later",
            remedy="make install PYTHON=/path/to/python3.11",
        )
    return text


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the name of the processor and its widest instruction set for networks.

    Parameters
    ----------
    cpuinfo : Path
        The description by Linux; where it is missing, Python says what it knows.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    found = dict(line.partition(":")[::2] for line in lines if ":" in line)
    known = {key.strip(): value.strip() for key, value in found.items()}
    flags = set(known.get("flags", "").split())
    widest = next((name for name, needs in _INSTRUCTIONS.items() if flags >= needs), "")
    name = known.get("model name") or platform.processor() or platform.machine()
    return f"{name}, {widest}" if widest else name


_INSTRUCTIONS = {
    "AMX": {"amx_tile", "amx_bf16"},
    "AVX-512 with bfloat16": {"avx512f", "avx512_bf16"},
    "AVX-512": {"avx512f"},
    "AVX2": {"avx2"},
}
"""Instruction sets of x86-64, widest first, and what Linux calls them."""


def memory(has: int | None = None) -> str:
    """Return how much memory there is, or how much a container may use.

    Parameters
    ----------
    has : int, optional
        In bytes; by default it is looked up.

    Raises
    ------
    IchError
        If it is less than the smallest ensemble needs.
    """
    if has is None:
        has = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        limit = _CGROUP_LIMIT.read_text().strip() if _CGROUP_LIMIT.is_file() else "max"
        has = min(has, int(limit)) if limit.isdecimal() else has
    text = f"{has / 2**30:.1f} GB"
    if has < LEAST_MEMORY:
        raise IchError(
            f"there are {text} of memory, and networks of one fold need {LEAST_MEMORY >> 30} GB",
            remedy="use a machine or a container with more; all fifteen checkpoints need 5 GB",
        )
    return text


def free_space(folder: Path, name: str) -> str:
    """Return how much space is free on the disk of a folder.

    Parameters
    ----------
    folder : Path
        It need not exist yet.
    name : str
        The variable that names it.

    Raises
    ------
    IchError
        If a run could not write there.
    """
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if free < LEAST_FREE:
        raise IchError(
            f"only {free >> 20} MB are free on the disk of {name}",
            path=folder,
            remedy=f"free {LEAST_FREE >> 20} MB",
            code=DISK,
        )
    return f"{free / 1e9:.1f} GB free"


def webserver_port(port: int) -> str:
    """Return whether Dagster's webserver can listen on a port of this machine, or does already.

    Raises
    ------
    IchError
        If another program listens there.
    """
    if is_free(port):
        return "free"
    try:
        address = f"http://127.0.0.1:{port}/server_info"
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer:
            if b"dagster_webserver_version" in answer.read(10_000):
                return "the webserver answers"
    except (OSError, urllib.error.URLError):
        pass
    raise IchError(
        f"another program listens on port {port}",
        remedy=f"end it, or choose another port: make up PORT={port + 1}",
    )


def is_free(port: int) -> bool:
    """Return whether nothing listens on a port of this machine.

    Raises
    ------
    IchError
        If the number is not that of a port, or this user may not listen on it.
    """
    try:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(("127.0.0.1", port))
    except (PermissionError, OverflowError) as err:
        raise IchError(
            f"port {port} cannot be used: {getattr(err, 'strerror', None) or err}",
            remedy="choose a port from 1024 to 65535",
        ) from err
    except OSError:
        return False
    return True
