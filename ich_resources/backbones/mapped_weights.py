"""Give the memory of weights back to the kernel: some while a process runs, the rest at its end.

OpenVINO maps a file of weights, and its CPU plugin makes a copy in the layout of its kernels.
Nothing reads the mapped pages after that. They stay in memory all the same: 1 GB for fifteen
networks.
"""

import ctypes
from collections.abc import Iterable
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_DONTNEED = 4
"""MADV_DONTNEED of Linux. Pages of a file that are read again come from the file again."""


def forget_pages(path: Path) -> int:
    """Tell the kernel that the mapped pages of a file are not needed for now.

    Parameters
    ----------
    path : Path
        A file that this process has mapped for reading.

    Returns
    -------
    int
        Bytes of its mappings; 0 where the system does not list them.

    References
    ----------
    man7.org/linux/man-pages/man2/madvise.2.html, man7.org/linux/man-pages/man5/proc.5.html
    """
    if not _MAPS.is_file():
        return 0
    libc, told = ctypes.CDLL(None), 0
    for line in _MAPS.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) < 6 or fields[5] != str(path) or "w" in fields[1]:
            continue
        begin, end = (int(address, 16) for address in fields[0].split("-"))
        size = end - begin
        if libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(size), _DONTNEED) == 0:
            told += size
    return told


def forget_freed() -> None:
    """Give memory that was freed back to the kernel. The C library keeps it for what comes next.

    References
    ----------
    man7.org/linux/man-pages/man3/malloc_trim.3.html (of the GNU C library; others have no need)
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def leave_to_kernel(objects: Iterable[object]) -> None:
    """Let objects live until the process ends, and their memory with them.

    The kernel takes the memory of a process at once. The destructors of compiled networks need a
    second or more for the same (benchmarks/README.md).

    Parameters
    ----------
    objects : iterable of object
        They are never freed from now on.

    References
    ----------
    docs.python.org/3/c-api/refcounting.html
    """
    for each in objects:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))
