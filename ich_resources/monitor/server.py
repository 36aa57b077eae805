"""The port of the monitor: ``/metrics`` and ``/healthz``."""

import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ich_resources.monitor.health import State, answer
from ich_resources.monitor.look import Limits
from ich_resources.monitor.metrics import exposition

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_SLOW_S = 10.0


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write nothing for a client that went before its answer."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def serve(host: str, port: int, state: Callable[[], State], limits: Limits) -> ThreadingHTTPServer:
    """Answer at a port, in threads of their own.

    Parameters
    ----------
    host, port : str, int
        Where to listen; 0 for any free port.
    state : callable
        Returns what is known now.
    limits : Limits
        How much is too much.

    Raises
    ------
    OSError
        If the port cannot be used.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _SLOW_S

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._send(200, _TEXT, exposition(state()))
            elif path == "/healthz":
                status, value = answer(state(), limits)
                self._send(status, "application/json", json.dumps(value, indent=2).encode())
            else:
                self._send(404, "text/plain", b"see /metrics and /healthz\n")

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: object) -> None:  # noqa: A002 (its name)
            """Write nothing: a line for each scrape would hide the others."""

    server = _Server((host, port), Handler)
    threading.Thread(target=server.serve_forever, name="port", daemon=True).start()
    return server
