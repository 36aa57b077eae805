"""Pixels of one data set; a decoder that crashes takes a process of its own with it.

GDCM ends its process on some damaged JPEG frames. One such file must fail one slice, so what GDCM
decodes is decoded in a child process.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.uid import RLELossless

from ich_resources.dicom.parsing import read_dataset

_LOCK = Lock()


def decode(content: bytes, path: Path) -> npt.NDArray[np.generic]:
    """Return the stored values of one frame, shape (H, W).

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Where it came from, for errors.

    Raises
    ------
    RuntimeError
        If the decoder crashed.
    Exception
        Whatever pydicom raises (see ``parsing.PARSE_ERRORS``).
    """
    syntax = read_dataset(content, path).file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_encapsulated or syntax == RLELossless:
        return _pixels(content, path)
    with _LOCK:
        children = _children()
    try:
        return children.submit(_pixels, content, path).result()
    except BrokenProcessPool:
        # Another thread's file may have broken it: this one gets a process for itself.
        with _LOCK:
            if _children() is children:
                _children.cache_clear()
    try:
        with _pool(1) as alone:
            return alone.submit(_pixels, content, path).result()
    except BrokenProcessPool as err:
        raise RuntimeError("the decoder crashed on it: the frame is damaged") from err


def _pixels(content: bytes, path: Path) -> npt.NDArray[Any]:
    return np.asarray(read_dataset(content, path).pixel_array)


@cache
def _children() -> ProcessPoolExecutor:
    pool = _pool(2)
    # A process that multiprocessing has started (Dagster's run worker) waits for its children at its
    # end, before concurrent.futures tells them to go: for ever, unless they are told here.
    Finalize(None, pool.shutdown, exitpriority=10)
    return pool


def _pool(workers: int) -> ProcessPoolExecutor:
    # Not fork: this process has threads, and perhaps a CUDA context.
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("forkserver"))
