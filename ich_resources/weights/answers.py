"""What a server answers to the request for a file: its facts, and its bytes as they come."""

import re
from collections.abc import Iterator

import requests
import urllib3

from ich_resources.weights.limits import Limits, Watch
from ich_resources.weights.progress import megabytes
from ich_resources.weights.web import InterruptedTransferError

_CHUNK = 1 << 16
_MOST_DIGITS = 18
_HUGE = 10**_MOST_DIGITS


def describe(answer: requests.Response, expected: str) -> dict[str, str | int | None]:
    """Return what must stay the same for the file to be continued later."""
    etag = answer.headers.get("ETag", "")
    strong = etag if etag.startswith('"') else ""
    length = answer.headers.get("Content-Length", "").strip()
    return {
        "validator": strong or answer.headers.get("Last-Modified", ""),
        "size": _number(length) if re.fullmatch("[0-9]+", length) else None,
        "sha256": expected,
    }


def _number(digits: str) -> int:
    """Return a number; one that no file can have where there are too many digits."""
    return int(digits) if len(digits) < _MOST_DIGITS else _HUGE


def continues(answer: requests.Response, here: int, known: dict[str, str | int | None]) -> bool:
    """Return whether a partial answer goes on at an offset in bytes, in the file that is known.

    Parameters
    ----------
    answer : requests.Response
        With status 206.
    here : int
        Bytes that are here already.
    known : dict
        From ``describe``, of the first answer: ``size`` and ``validator`` count.
    """
    span = re.fullmatch(
        r"bytes ([0-9]{1,17})-[0-9]{1,17}/([0-9]{1,17})", answer.headers.get("Content-Range", "")
    )
    etag = answer.headers.get("ETag")
    validator = str(known["validator"])
    return (
        span is not None
        and int(span[1]) == here
        and int(span[2]) == known["size"]
        and (etag is None or not validator.startswith('"') or etag == validator)
    )


def chunks(answer: requests.Response, limits: Limits, end: float) -> Iterator[bytes]:
    """Yield the bytes of an answer as they come.

    Parameters
    ----------
    answer : requests.Response
        Its body is not yet read.
    limits : Limits
        ``slowest_bytes`` and ``window_s`` say what is too slow.
    end : float
        When the time for the file is over, in seconds of ``time.monotonic``.

    Yields
    ------
    bytes
        Of any length, never empty.

    Raises
    ------
    InterruptedTransferError
        If the connection breaks, or they come too slowly.
    """
    watch = Watch(answer, limits, end)
    why = ""
    with watch.running():
        pieces = _pieces(answer)
        while True:
            try:
                piece = next(pieces, b"")
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as err:
                named = getattr(err, "strerror", None) or type(err).__name__
                why = f"the connection broke ({named})"
                break
            if not piece:
                break
            watch.came(len(piece))
            yield piece
    if why or watch.why:
        raise InterruptedTransferError(watch.why or why)


def _pieces(answer: requests.Response) -> Iterator[bytes]:
    # Bytes as sent: some servers call a .tar.gz a tar with a content encoding.
    return iter(answer.raw.stream(_CHUNK, decode_content=False))


def size_shown(size: int) -> str:
    """Return a size in bytes for people."""
    return megabytes(size) if size < _HUGE else "a size that no file has"
