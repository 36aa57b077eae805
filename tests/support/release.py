"""A replacement for the release: small assets, and servers that offer them with faults."""

import hashlib
import io
import json
import re
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

from ich_resources.backbones.table import BACKBONES, FOLDS, Backbone, checkpoint_name
from ich_resources.weights.release import ARCHIVES, DIGESTS

REPOSITORY = "somebody/some-weights"
TAG = "v1"
TIME = "Last-Modified"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def small_fold(backbone: Backbone, fold: int, size: int = 50_000) -> bytes:
    """Random bytes in place of a checkpoint. No test loads them, and they do not compress."""
    return Random(f"{backbone.name} {fold}").randbytes(size)


def packed(members: dict[str, bytes], mode: str = "w:gz", **options: int) -> bytes:
    """A tar of regular files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, **options) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def small_release(size: int = 50_000) -> dict[str, bytes]:
    """The four assets, with checkpoints of random bytes."""
    assets = {}
    for backbone in BACKBONES.values():
        folder = Path(backbone.folder).name
        assets[ARCHIVES[backbone.name]] = packed(
            {
                f"{folder}/{checkpoint_name(fold)}": small_fold(backbone, fold, size)
                for fold in range(FOLDS)
            }
        )
    return assets | {DIGESTS: stated(assets)}


def release_of(models: Path, folds: int = 1) -> dict[str, bytes]:
    """The four assets, with the checkpoints of a model folder; packed, not compressed."""
    assets = {}
    for backbone in BACKBONES.values():
        folder = models / backbone.folder
        members = {
            f"{folder.name}/{checkpoint_name(fold)}": (folder / checkpoint_name(fold)).read_bytes()
            for fold in range(folds)
        }
        assets[ARCHIVES[backbone.name]] = packed(members, compresslevel=0)
    return assets | {DIGESTS: stated(assets)}


def stated(assets: dict[str, bytes]) -> bytes:
    """The digests of some assets, as sha256sum writes them."""
    lines = [f"{sha256(content)}  {name}\n" for name, content in assets.items() if name != DIGESTS]
    return "".join(lines).encode()


@dataclass
class Asked:
    """One request, and how many bytes of a body were sent."""

    host: str
    path: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0


@dataclass
class ReleaseServer:
    """An HTTP server whose behaviour a test sets.

    Attributes
    ----------
    files : dict of str to bytes
        By path; others are 404.
    redirects : dict of str to str
        By path, where to.
    token : str
        Needed for every path that begins with ``walled``.
    refusal : int
        Status of the answer to a client without a token.
    breaks : list of int
        Bytes after which the connection of the next requests for files breaks.
    statuses : list of int
        Statuses that the next requests get instead of an answer.
    stalls_at : int or None
        Number of bytes of a file after which the server sends nothing more while this is set.
    on_break : callable or None
        Called when a connection has been broken.
    ranges, if_range : bool
        Whether the server supports ranges, and If-Range.
    length : bool
        Whether it sends the length of an answer.
    etag : callable or None
        Makes the entity tag from the content.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    token: str = ""
    walled: str = "/"
    refusal: int = 401
    breaks: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    stalls_at: int | None = None
    on_break: Callable[[], None] | None = None
    ranges: bool = True
    if_range: bool = True
    length: bool = True
    extra_headers: dict[str, str] = field(default_factory=dict)
    etag: Callable[[bytes], str] | None = lambda content: f'"{sha256(content)[:16]}"'
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    def url(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}"

    def sent(self, path: str) -> list[int]:
        """Bytes sent of a file, request by request."""
        return [asked.sent for asked in self.asked if asked.path.partition("?")[0] == path]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Report no error if a client closes the connection early."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def running(server: ReleaseServer) -> Iterator[ReleaseServer]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args) -> None:
            pass

        def do_GET(self) -> None:
            asked = Asked(self.headers["Host"], self.path, dict(self.headers))
            server.asked.append(asked)
            _answer(server, self, asked)

    http = _Quiet(("127.0.0.1", 0), Handler)
    server.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _status(server: ReleaseServer, handler: BaseHTTPRequestHandler, asked: Asked) -> bytes:
    """Set the status of the answer; return its body."""
    path = handler.path.partition("?")[0]
    content = server.files.get(path)
    authorized = asked.headers.get("Authorization") == f"Bearer {server.token}"
    if server.statuses:
        asked.status, content = server.statuses.pop(0), b"not now"
    elif server.token and path.startswith(server.walled) and not authorized:
        asked.status, content = server.refusal, b"who are you?"
    elif path in server.redirects:
        asked.status, content = 302, b""
    elif content is None:
        asked.status, content = 404, b"nothing here"
    else:
        asked.status = 200
    return content


def _rest(server: ReleaseServer, asked: Asked, content: bytes, headers: dict[str, str]) -> bytes:
    """Return the part of a file that a range asks for, and set status and headers of it."""
    wanted = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("Range", ""))
    same = asked.headers.get("If-Range") in (None, headers.get("ETag"), headers.get(TIME))
    same = same or not server.if_range
    if not (server.ranges and wanted and same):
        return content
    start, total = int(wanted[1]), len(content)
    asked.status = 206 if start < total else 416
    headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
    return content[start:]


def _answer(server: ReleaseServer, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
    path = handler.path.partition("?")[0]
    content = _status(server, handler, asked)
    headers = dict(server.extra_headers)
    if asked.status == 302:
        headers["Location"] = server.redirects[path]
    if asked.status == 200:
        _file_headers(server, asked, content, headers)
        content = _rest(server, asked, content, headers)
    handler.send_response(asked.status)
    for name, value in headers.items():
        handler.send_header(name, value)
    if server.length:
        handler.send_header("Content-Length", str(len(content)))
    else:
        handler.send_header("Connection", "close")
        handler.close_connection = True
    handler.end_headers()
    broken = asked.status in (200, 206) and server.breaks and path.endswith(".gz")
    if broken:
        content = content[: server.breaks.pop(0)]
        handler.close_connection = True
    for start in range(0, len(content), 4096):
        while server.stalls_at is not None and start >= server.stalls_at:
            time.sleep(0.05)
        handler.wfile.write(content[start : start + 4096])
        asked.sent += len(content[start : start + 4096])
    if broken and server.on_break:
        server.on_break()


def _file_headers(
    server: ReleaseServer, asked: Asked, content: bytes, headers: dict[str, str]
) -> None:
    if server.etag:
        headers["ETag"] = server.etag(content)
    if server.ranges:
        headers["Accept-Ranges"] = "bytes"


def public(server: ReleaseServer, assets: dict[str, bytes]) -> None:
    """Offer assets as GitHub does those of a public repository."""
    server.files |= {
        f"/{REPOSITORY}/releases/download/{TAG}/{name}": content for name, content in assets.items()
    }


def private(api: ReleaseServer, store: ReleaseServer, assets: dict[str, bytes], host: str) -> None:
    """Offer assets as GitHub's API does: each redirects to another host, with a signature."""
    listing = []
    for number, (name, content) in enumerate(assets.items(), 1):
        listing.append({"id": number, "name": name, "url": "https://not.used.invalid/"})
        api.redirects[f"/repos/{REPOSITORY}/releases/assets/{number}"] = (
            f"{store.url(host)}/store/{name}?signature=SIGNED-7351"
        )
        store.files[f"/store/{name}"] = content
    api.files[f"/repos/{REPOSITORY}/releases/tags/{TAG}"] = json.dumps(
        {"tag_name": TAG, "assets": listing}
    ).encode()
