"""One file from a server to the disk, resumed where it broke off."""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import requests
import urllib3

from ich_resources.errors import FetchError
from ich_resources.weights.disk import read_json, require_room, write_text, writing
from ich_resources.weights.progress import Progress, megabytes
from ich_resources.weights.web import Address, InterruptedTransferError, open_address, unreachable

WAITS_S = (1.0, 3.0, 9.0, 20.0)
"""Seconds to wait before each further attempt; those that bring new bytes do not count."""
FIRST_WAITS = 2
"""Of these, how many are for the first small file: without a network nobody wants to wait long."""
_CHUNK = 1 << 20
_SMALL = 1 << 20


def read_small(
    session: requests.Session, address: Address, waits: Sequence[float] = WAITS_S
) -> bytes:
    """Return a small file.

    Raises
    ------
    FetchError
        If it cannot be fetched, or has more than 1 MiB.
    """
    content = b""

    def attempt() -> int:
        nonlocal content
        with open_address(session, address, {}) as answer:
            content = b""
            for chunk in _chunks(answer):
                content += chunk
                if len(content) > _SMALL:
                    raise FetchError(
                        "the answer is far longer than it should be",
                        path=address.shown,
                        remedy="check that the address leads to the release",
                    )
        return 0

    _repeat(attempt, lambda: 0, address, waits[:FIRST_WAITS], lambda text: None)
    return content


def download(
    session: requests.Session,
    address: Address,
    part: Path,
    expected: str,
    progress: Progress,
    waits: Sequence[float] = WAITS_S,
) -> None:
    """Bring a file to the disk, beginning with what an earlier attempt left.

    What is there is continued only if the server still has the same file: its strong ETag, or else
    its time of change, goes along as If-Range, and range and size of the answer must agree.

    Parameters
    ----------
    part : Path
        Takes the bytes; beside it, ending in ``.json``, lies what the server said of the file.
    expected : str
        SHA-256 the file should have, compared by the caller; bytes fetched for another are dropped.
    waits : sequence of float
        Seconds before each further attempt without new bytes.

    Raises
    ------
    FetchError
        If the server refuses, cannot be reached, or the disk is full. Bytes stay for the next run.
    """
    note = part.with_name(part.name + ".json")
    known = read_json(note)
    if known.get("sha256") != expected or not known.get("validator"):
        discard(part)
    elif part.is_file():
        progress.say(f"  {part.stem}: {megabytes(part.stat().st_size)} are here from before")

    def attempt() -> None:
        known = read_json(note)
        here = part.stat().st_size if part.is_file() and known.get("validator") else 0
        if here and here == known["size"]:
            return
        headers = {}
        if here:
            headers = {"Range": f"bytes={here}-", "If-Range": known["validator"]}
        with open_address(session, address, headers) as answer:
            if answer.status_code == 206 and not (here and _continues(answer, here, known)):
                discard(part)
                raise InterruptedTransferError(
                    "the file has changed on the server: from the beginning"
                )
            if answer.status_code == 416:
                discard(part)
                raise InterruptedTransferError(
                    "the server has not the rest of the file: from the beginning"
                )
            if answer.status_code == 200:
                here = 0
                known = _describe(answer, expected)
            size = known["size"]
            if size is not None:
                # The archive, and about as much again for what is in it.
                require_room(part.parent, 2 * size - here, part.stem)
            with writing(part), part.open("r+b" if here else "wb") as file:
                file.seek(here)
                if not here:
                    write_text(note, json.dumps(known))
                for chunk in _chunks(answer):
                    file.write(chunk)
                    here += len(chunk)
                    progress.at(here, size)
        if size is not None and here != size:
            if here > size:
                discard(part)
            raise InterruptedTransferError(f"{here} bytes came of {size}")

    _repeat(
        attempt,
        lambda: part.stat().st_size if part.is_file() else 0,
        address,
        waits,
        progress.say,
    )


def discard(part: Path) -> None:
    """Remove what is there of a file."""
    with writing(part):
        part.unlink(missing_ok=True)
        part.with_name(part.name + ".json").unlink(missing_ok=True)


def _repeat(
    attempt: Callable[[], object],
    reached: Callable[[], int],
    address: Address,
    waits: Sequence[float],
    say: Callable[[str], None],
) -> None:
    furthest, failures = reached(), 0
    while True:
        try:
            attempt()
        except InterruptedTransferError as err:
            why = str(err)
        else:
            return
        if reached() > furthest:
            furthest, failures = reached(), 0
        if failures == len(waits):
            raise unreachable(f"{why} ({failures + 1} attempts)", address)
        say(f"  {why}; again in {waits[failures]:.0f} s")
        time.sleep(waits[failures])
        failures += 1


def _describe(answer: requests.Response, expected: str) -> dict[str, str | int | None]:
    """Return what must stay the same for the file to be continued later."""
    etag = answer.headers.get("ETag", "")
    strong = etag if etag.startswith('"') else ""
    length = answer.headers.get("Content-Length", "")
    return {
        "validator": strong or answer.headers.get("Last-Modified", ""),
        "size": int(length) if length.isdecimal() else None,
        "sha256": expected,
    }


def _continues(answer: requests.Response, here: int, known: dict[str, str | int | None]) -> bool:
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    etag = answer.headers.get("ETag")
    validator = str(known["validator"])
    return (
        span is not None
        and int(span[1]) == here
        and int(span[2]) == known["size"]
        and (etag is None or not validator.startswith('"') or etag == validator)
    )


def _chunks(answer: requests.Response) -> Iterator[bytes]:
    try:
        # As sent: some servers call a .tar.gz a tar with an encoding, to be undone.
        yield from answer.raw.stream(_CHUNK, decode_content=False)
    except urllib3.exceptions.HTTPError as err:
        raise InterruptedTransferError(f"the connection broke ({type(err).__name__})") from None
    except OSError as err:
        raise InterruptedTransferError(f"the connection broke ({err.strerror})") from None
