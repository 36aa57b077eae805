"""A proxy that ends TLS itself. It replaces hosts on the internet, with its own certificate."""

import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from engines import engine_is_missing


@dataclass
class Reply:
    """One answer."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    breaks_after: int | None = None


Answer = Callable[[str, str, dict[str, list[str]], dict[str, str]], Reply]
"""From host, path, query and headers."""


def certificate(folder: Path, hosts: list[str]) -> tuple[Path, Path]:
    """Make a certificate that signs itself, and its key."""
    if not shutil.which("openssl"):
        engine_is_missing("no openssl here to make a certificate: tests/hpc/install_services.sh")
    pem, key = folder / "certificate.pem", folder / "key.pem"
    names = ",".join(f"DNS:{host}" for host in hosts)
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=test", "-addext", f"subjectAltName={names}"]
    command += ["-keyout", str(key), "-out", str(pem)]
    subprocess.run(command, check=True, capture_output=True)
    return pem, key


@contextmanager
def internet(folder: Path, hosts: list[str], answer: Answer) -> Iterator[dict[str, str]]:
    """Answer for some hosts; yields the environment that leads a client here."""
    pem, key = certificate(folder, hosts)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: object) -> None:
            pass

        def do_CONNECT(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb")
            self.close_connection = False  # though clients may ask in HTTP/1.0

        def finish(self) -> None:
            with suppress(OSError):
                super().finish()
            self.connection.close()

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            host = self.headers["Host"]
            reply = answer(host, url.path, parse_qs(url.query), dict(self.headers))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content[: reply.breaks_after])
            self.wfile.flush()
            if reply.breaks_after is not None:
                self.connection.close()
                self.close_connection = True

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that does not trust the certificate hangs up

    http = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    proxy = f"http://127.0.0.1:{http.server_port}"
    try:
        yield {"HTTPS_PROXY": proxy, "https_proxy": proxy, "REQUESTS_CA_BUNDLE": str(pem)}
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
