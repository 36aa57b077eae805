"""One file from a server to the disk; a transfer that broke off is resumed."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests

from ich_resources.errors import FetchError
from ich_resources.weights.answers import chunks, continues, describe, size_shown
from ich_resources.weights.attempts import FIRST_WAITS, WAITS_S, repeat
from ich_resources.weights.disk import read_json, require_room, write_text, writing
from ich_resources.weights.limits import Limits, require_size
from ich_resources.weights.progress import Progress, megabytes
from ich_resources.weights.web import Address, InterruptedTransferError, open_address

_SMALL = 1 << 20
_SMALL_S = 600.0


def read_small(
    session: requests.Session,
    address: Address,
    waits: Sequence[float] = WAITS_S,
    limits: Limits | None = None,
) -> bytes:
    """Return a small file.

    Parameters
    ----------
    session : requests.Session
        See ``web.session``.
    address : Address
        Where the file is.
    waits : sequence of float
        Seconds before each further attempt; the first ``FIRST_WAITS`` count.
    limits : Limits, optional
        Other bounds than the usual ones.

    Raises
    ------
    FetchError
        If it cannot be fetched, or has more than 1 MiB.
    """
    content = b""
    bounds = limits or Limits()
    end = time.monotonic() + min(bounds.total_s, _SMALL_S)

    def attempt() -> int:
        nonlocal content
        with open_address(session, address, {}, bounds.answer_s) as answer:
            content = b""
            # A small file may come slowly, since it is small.
            for chunk in chunks(answer, replace(bounds, slowest_bytes=1), end):
                content += chunk
                if len(content) > _SMALL:
                    raise FetchError(
                        "the answer is far longer than it should be",
                        path=address.display_name,
                        remedy="check that the address leads to the release",
                    )
        return 0

    repeat(attempt, lambda: 0, address, (waits[:FIRST_WAITS], end), lambda text: None)
    return content


def download(
    session: requests.Session,
    address: Address,
    part: Path,
    expected: str,
    progress: Progress,
    waits: Sequence[float] = WAITS_S,
    limits: Limits | None = None,
) -> None:
    """Download a file, and go on where an earlier attempt stopped.

    Bytes that are here are kept only if the server still has the same file: its strong ETag, or
    else its time of change, goes along as If-Range, and range and size of the answer must agree.

    Parameters
    ----------
    session : requests.Session
        See ``web.session``.
    address : Address
        Where the file is.
    part : Path
        Takes the bytes. A note beside it, ending in ``.json``, holds the server's facts about the
        file.
    expected : str
        SHA-256 that the file should have; the caller compares it. Bytes that were fetched for
        another digest are dropped.
    progress : Progress
        Called while bytes come.
    waits : sequence of float
        Seconds before each further attempt without new bytes.
    limits : Limits, optional
        Other bounds than the usual ones.

    Raises
    ------
    FetchError
        If the server refuses or cannot be reached, or the disk is full. The bytes stay for the
        next run. If the file is larger than it may be; then no byte stays.
    """
    known = read_json(_note(part))
    if known.get("sha256") != expected or not known.get("validator"):
        discard(part)
    elif part.is_file():
        progress.say(f"  {part.stem}: {megabytes(part.stat().st_size)} are here from before")
    bounds = limits or Limits()
    end = time.monotonic() + bounds.total_s
    repeat(
        lambda: _attempt(session, address, _Target(part, expected, bounds, end), progress),
        lambda: part.stat().st_size if part.is_file() else 0,
        address,
        (waits, end),
        progress.say,
    )


@dataclass(frozen=True)
class _Target:
    """Where the bytes go, and the bounds."""

    part: Path
    expected: str
    limits: Limits
    end: float


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _attempt(
    session: requests.Session, address: Address, target: _Target, progress: Progress
) -> None:
    """Download what is missing of a file.

    Raises
    ------
    InterruptedTransferError
        If fewer bytes came than the file has, or others.
    FetchError
        If the disk is full, or the file too large.
    """
    part, limits = target.part, target.limits
    known = read_json(_note(part))
    here = part.stat().st_size if part.is_file() and known.get("validator") else 0
    if here and here == known["size"]:
        return
    headers = {"Range": f"bytes={here}-", "If-Range": known["validator"]} if here else {}
    with open_address(session, address, headers, limits.answer_s) as answer:
        _require_rest(answer, part, here, known)
        if answer.status_code == 200:
            here, known = 0, describe(answer, target.expected)
        size = known["size"]
        if size is not None:
            if size > limits.most_bytes:
                discard(part)
            what = f"the server announces {size_shown(size)}"
            require_size(size, limits.most_bytes, what, address.display_name)
            # The archive, and about as much again for what is in it.
            require_room(part.parent, 2 * size - here, part.stem)
        try:
            here = _write(answer, target, here, known, progress)
        except FetchError:
            if not known["validator"]:
                discard(part)  # it cannot be continued, and would keep the disk full
            raise
    if here > limits.most_bytes:
        discard(part)
        require_size(here, limits.most_bytes, "the answer does not end", address.display_name)
    if size is not None and here != size:
        if here > size:
            discard(part)
        raise InterruptedTransferError(f"{here} bytes came of {size}")


def _require_rest(answer: requests.Response, part: Path, here: int, known: dict[str, Any]) -> None:
    """Check that a partial answer goes on where the file stops.

    Raises
    ------
    InterruptedTransferError
        If it does not. The bytes are dropped, and the next attempt begins at the start.
    """
    if answer.status_code == 206 and not (here and continues(answer, here, known)):
        discard(part)
        raise InterruptedTransferError("the file has changed on the server: from the beginning")
    if answer.status_code == 416:
        discard(part)
        raise InterruptedTransferError(
            "the server does not have the rest of the file: from the beginning"
        )


def _write(
    answer: requests.Response, target: _Target, here: int, known: dict[str, Any], progress: Progress
) -> int:
    """Write the bytes of an answer from an offset on; return how many the file then has.

    It stops behind what was announced, or what is allowed.
    """
    part, size = target.part, known["size"]
    most = target.limits.most_bytes if size is None else min(size, target.limits.most_bytes)
    with writing(part), part.open("r+b" if here else "wb") as file:
        file.seek(here)
        if not here:
            write_text(_note(part), json.dumps(known))
        for chunk in chunks(answer, target.limits, target.end):
            file.write(chunk)
            here += len(chunk)
            progress.update(here, size)
            if here > most:
                break
    return here


def discard(part: Path) -> None:
    """Remove the bytes of a file that are here, and the note beside them."""
    with writing(part):
        part.unlink(missing_ok=True)
        _note(part).unlink(missing_ok=True)
