"""Panels of many slices, painted at the same time in child processes."""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import asdict
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ich_resources.children import Children, asking_threads
from ich_resources.panels.caption import Caption, Clear
from ich_resources.panels.checks import check_gray, check_unit_range
from ich_resources.panels.clear_panel import ClearPainter
from ich_resources.panels.panel import PanelPainter

_PNG = b"\x89PNG"
"""The first bytes of a panel. An answer that begins otherwise is an error."""
_PAINTERS = Children("ich_resources.panels.painter")
AHEAD = 2
"""Number of panels that wait or are being painted, for each process."""

T = TypeVar("T")


class Panel(NamedTuple):
    """The content of one panel; see ``panel.PanelPainter.paint``."""

    gray: npt.NDArray[np.uint8]
    saliency: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float32]
    caption: Caption


def paint_all(panels: Iterable[tuple[T, Panel]], processes: int) -> Iterator[tuple[T, bytes]]:
    """Paint panels, and return them in the order of the input.

    Parameters
    ----------
    panels : iterable of (T, Panel)
        Each panel with a label.
    processes : int
        Number of child processes; 0 paints in this process.

    Yields
    ------
    (T, bytes)
        The label, and the PNG. The same panel gives the same bytes in every
        process.

    Raises
    ------
    ValueError
        If an array has the wrong shape or type, or values outside 0..1.
    RuntimeError
        If a child process dies or fails.
    """
    if not processes:
        for label, panel in panels:
            yield label, painter(panel.caption).paint(*panel)
        return
    with asking_threads(_PAINTERS, processes) as pool:
        waiting: deque[tuple[T, Future[bytes]]] = deque()
        for label, panel in panels:
            waiting.append((label, pool.submit(_ask, panel)))
            if len(waiting) > AHEAD * processes:
                first, png = waiting.popleft()
                yield first, png.result()
        for first, png in waiting:
            yield first, png.result()


def painter(caption: Caption) -> PanelPainter:
    """Return the painter of this process for panels of one kind."""
    return _painter(clear=caption.clear is not None)


@cache
def _painter(*, clear: bool) -> PanelPainter:
    # Its layout takes ten times as long as one panel.
    return ClearPainter() if clear else PanelPainter()


def _ask(panel: Panel) -> bytes:
    check_gray(panel.gray)
    check_unit_range(panel.saliency, panel.gray.shape, "saliency")
    caption = json.dumps(asdict(panel.caption)).encode()
    saliency, probabilities = (np.asarray(a, np.float32) for a in panel[1:3])
    try:
        answer = _PAINTERS.ask(
            panel.gray.tobytes(), saliency.tobytes(), probabilities.tobytes(), caption
        )
    except EOFError as err:
        raise RuntimeError(f"{err} while it painted a panel; run the same again") from err
    if not answer.startswith(_PNG):
        raise RuntimeError(f"a panel cannot be painted: {answer.decode()}")
    return answer


def _caption(values: dict[str, Any]) -> Caption:
    clear = values.pop("clear")
    return Caption(**values, clear=None if clear is None else Clear(*clear))


def paint_to_bytes(gray: bytes, saliency: bytes, probabilities: bytes, caption: bytes) -> bytes:
    """Return the PNG of one panel, or the text of an error. It runs in a child process.

    Parameters
    ----------
    gray : bytes
        uint8, row by row, of a square slice.
    saliency : bytes
        float32, row by row, 0..1, of the same size.
    probabilities : bytes
        float32, six.
    caption : bytes
        JSON of the fields of ``Caption``.

    Returns
    -------
    bytes
        A PNG, or a text in UTF-8.
    """
    try:
        shown = np.frombuffer(gray, np.uint8)
        side = int(len(shown) ** 0.5)
        read = _caption(json.loads(caption))
        return painter(read).paint(
            shown.reshape(side, side),
            np.frombuffer(saliency, np.float32).reshape(side, side),
            np.frombuffer(probabilities, np.float32),
            read,
        )
    except (ValueError, TypeError, RuntimeError, OSError, MemoryError) as err:
        return f"{type(err).__name__}: {err}".encode(errors="replace")
