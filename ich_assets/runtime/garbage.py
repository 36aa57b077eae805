"""Python's search for objects that nothing reaches: where it costs more than it finds."""

import atexit
import gc
import sys

_COMPLAINS = "triton"
"""A library of PyTorch that writes to the terminal about objects of its own that are left."""


def spare_searches() -> None:
    """Leave out objects that live until the process ends: those of imports, and at the end all.

    The modules have some hundred thousand objects, and each whole search looks at all of them. At
    its end Python searches several times, to free memory that the kernel takes in any case.

    References
    ----------
    docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.freeze()
    atexit.register(_leave_all)


def _leave_all() -> None:
    if _COMPLAINS not in sys.modules:
        gc.freeze()
