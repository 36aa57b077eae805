"""An archive with STOW-RS that fails as it is told."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pydicom


@dataclass
class Archive:
    """What an archive has received, and how it answers.

    ``answer`` gives HTTP status and, for each object, its failure reason (0: it is stored), from
    the number of the request.
    """

    answer: Callable[[int], tuple[int, int]] = lambda _: (200, 0)
    body: bytes | None = None
    frozen: bool = False
    port: int = 0
    requests: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)
    content: dict[str, bytes] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web"


def _reply(archive: Archive, parts: list[bytes], reason: int) -> dict[str, object]:
    items = []
    for part in parts:
        uid = str(pydicom.dcmread(BytesIO(part), stop_before_pixels=True).SOPInstanceUID)
        if reason == 0:
            archive.content[uid] = part
        item = {"00081155": {"vr": "UI", "Value": [uid]}}
        if reason:
            item["00081197"] = {"vr": "US", "Value": [reason]}
        items.append(item)
    return {"00081198" if reason else "00081199": {"vr": "SQ", "Value": items}}


@contextmanager
def archive(tls: ssl.SSLContext | None = None, **behaviour: object) -> Iterator[Archive]:
    """Run an archive for a while."""
    one = Archive(**behaviour)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: object) -> None:
            pass

        def do_POST(self) -> None:
            one.requests += 1
            one.headers.append(dict(self.headers))
            if one.frozen:
                time.sleep(5)
                return
            length = int(self.headers["Content-Length"])
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            message = BytesParser(policy=HTTP).parsebytes(head + self.rfile.read(length))
            parts = [part.get_payload(decode=True) for part in message.iter_parts()]
            status, reason = one.answer(one.requests)
            said = one.body
            if said is None:
                said = json.dumps(_reply(one, parts, reason)).encode() if reason >= 0 else b""
            if status == 0:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"http://127.0.0.1:{one.port}/elsewhere")
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def finish(self) -> None:
            with suppress(OSError, ValueError):
                super().finish()

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    http = Quiet(("127.0.0.1", 0), Handler)
    if tls is not None:
        http.socket = tls.wrap_socket(http.socket, server_side=True)
    one.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield one
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
