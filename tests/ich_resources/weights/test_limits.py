"""Answers that do not end, come too slowly, or lie about their size: each is one sentence."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from release import REPOSITORY, TAG

from ich_resources.backbones.table import FOLDS
from ich_resources.errors import FetchError
from ich_resources.weights.limits import Limits
from ich_resources.weights.progress import Progress
from ich_resources.weights.release import ARCHIVES, UNREACHABLE
from ich_resources.weights.sources import Web
from ich_resources.weights.transfer import download, read_small
from ich_resources.weights.web import Address, Session

QUICK = Limits(most_bytes=2_000_000, slowest_bytes=1000, window_s=0.5, answer_s=2, total_s=20)
SLOW_BODY = replace(QUICK, window_s=0.2, answer_s=20)
SLOW_HEAD = replace(QUICK, answer_s=0.3)
"""Only the limit that is tested is short: a busy machine meets no other first."""
OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Answer each request with bytes of our own; yields the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(client: socket.socket) -> None:
            with client, suppress(OSError):
                client.recv(65536)
                answer(client)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=serve, args=(client,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/archive"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def dripping(head: bytes, piece: bytes, seconds: float = 0.05):
    def answer(client: socket.socket) -> None:
        client.sendall(head)
        while True:
            client.sendall(piece)
            time.sleep(seconds)

    return answer


def endless(head: bytes, piece: bytes):
    return dripping(head, piece, 0)


def fetch(url, tmp_path, limits=QUICK, waits=()):
    """Download; return the error, and how long it took."""
    begun = time.monotonic()
    with pytest.raises(FetchError) as caught:
        download(
            Session(),
            Address(url),
            tmp_path / "a.part",
            "0" * 64,
            Progress("a", lambda text: None, 1e9),
            waits,
            limits,
        )
    return caught.value, time.monotonic() - begun


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        endless(CHUNKED, b"10000\r\n" + bytes(65536) + b"\r\n"),
        endless(OK + b"\r\n", bytes(65536)),
        endless(OK + b"Content-Length: none\r\n\r\n", bytes(65536)),
    ],
    ids=["chunked", "no length", "no number"],
)
def test_an_answer_without_end(tmp_path, answer):
    with answering(answer) as url:
        error, _ = fetch(url, tmp_path)
    assert error.message == "the answer does not end, and at most 2.0 MB may come"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("digits", ["9" * 5000, "9" * 19, "4000000001", "2000001"])
def test_an_announced_size_that_is_too_large(tmp_path, digits):
    with answering(
        lambda client: client.sendall(OK + f"Content-Length: {digits}\r\n\r\nabc".encode())
    ) as url:
        error, _ = fetch(url, tmp_path)
    assert error.message.startswith("the server announces ")
    assert error.message.endswith("and at most 2.0 MB may come")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nContent-Length: 7\r\n",
        b"Content-Length: -5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"X: " + b"y" * 70_000 + b"\r\n",
        b"X: y\r\n" * 200,
        b"\x00\xff\r\n",
    ],
    ids=["two lengths", "negative", "no chunk", "long line", "many lines", "no header"],
)
def test_odd_headers_are_sentences(tmp_path, headers):
    with answering(lambda client: client.sendall(OK + headers + b"\r\nabc")) as url:
        session = Session()
        with suppress(FetchError):
            download(
                session,
                Address(url),
                tmp_path / "a.part",
                "0" * 64,
                Progress("a", lambda text: None, 1e9),
                (),
                QUICK,
            )
            # What can be read is compared with its digest by the caller.
            assert (tmp_path / "a.part").read_bytes() in (b"abc", b"")


@pytest.mark.parametrize(
    ("answer", "limits", "words"),
    [
        (dripping(OK + b"Content-Length: 1000000\r\n\r\n", b"x"), SLOW_BODY, "came in"),
        (dripping(CHUNKED, b"1\r\nx\r\n"), SLOW_BODY, "came in"),
        (dripping(CHUNKED, b"0"), SLOW_BODY, "came in"),
        (dripping(OK + b"\r\n", b"x"), SLOW_BODY, "came in"),
        (dripping(OK, b"x"), SLOW_HEAD, "no whole answer from"),
        (dripping(OK, b"X: y\r\n"), SLOW_HEAD, "no whole answer from"),
        (dripping(b"H", b""), SLOW_HEAD, "no whole answer from"),
    ],
    ids=[
        "length",
        "chunked",
        "half a chunk head",
        "no length",
        "half a header",
        "headers",
        "silent",
    ],
)
def test_an_answer_that_comes_too_slowly(tmp_path, answer, limits, words):
    with answering(answer) as url:
        error, took = fetch(url, tmp_path, limits)
    assert words in error.message
    assert error.code == UNREACHABLE
    assert took < 8


def test_the_total_time_ends_attempts_that_bring_bytes(tmp_path):
    head = OK + b'Content-Length: 1000000\r\nETag: "a"\r\n\r\n'
    limits = Limits(slowest_bytes=1, window_s=20, answer_s=20, total_s=0.6)
    with answering(dripping(head, bytes(15_000))) as url:
        error, took = fetch(url, tmp_path, limits, waits=(0.0,) * 3)
    assert "took more than 1 s" in error.message
    assert took < 8


@pytest.mark.parametrize("answer", [dripping(CHUNKED, b"0"), dripping(OK, b"x")])
def test_a_small_file_that_comes_too_slowly(answer):
    limits = Limits(window_s=0.2, answer_s=0.3, total_s=2)
    begun = time.monotonic()
    with answering(answer) as url, pytest.raises(FetchError):
        read_small(Session(), Address(url), (), limits)
    assert time.monotonic() - begun < 8


def test_a_slow_line_within_the_bounds_is_fine(tmp_path):
    def answer(client: socket.socket) -> None:
        client.sendall(OK + b"Content-Length: 400000\r\n\r\n")
        for _ in range(40):
            client.sendall(b"x" * 10_000)
            time.sleep(0.04)

    limits = Limits(slowest_bytes=50_000, window_s=0.8, answer_s=2, total_s=20)
    with answering(answer) as url:
        download(
            Session(),
            Address(url),
            tmp_path / "a.part",
            "0" * 64,
            Progress("a", lambda text: None, 1e9),
            (),
            limits,
        )
    assert (tmp_path / "a.part").read_bytes() == b"x" * 400_000


def test_the_bound_counts_for_all_files_of_a_source(site, server, assets):
    sizes = [len(assets[name]) for name in ARCHIVES.values()]
    limits = Limits(most_bytes=sum(sizes) - 1)
    source = Web(
        f"{server.url()}/{REPOSITORY}/releases/download/{TAG}",
        missing="",
        refused="",
        waits=(),
        limits=limits,
    )
    with pytest.raises(FetchError, match="the server announces") as caught:
        site.fetch(source)
    assert caught.value.message.endswith("may come")
    # What the first two archives brought stays.
    assert len(site.checkpoints()) == 2 * FOLDS
