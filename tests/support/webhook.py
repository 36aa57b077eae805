"""A local server for webhooks: it takes messages, fails, or hangs."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from ich_resources.monitor.courier import ID_HEADER

SECRET = "s3cret"


class WebhookServer(ThreadingHTTPServer):
    """Answers with the statuses that a test sets; 0 hangs, -1 hangs up."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True
        self.statuses: list[int] = []
        self.got: list[tuple[str, str, dict]] = []
        self.ended = Event()
        Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def end(self) -> None:
        """Take no further message, and let go of those that hang."""
        self.ended.set()
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/{SECRET}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append(
            (self.headers[ID_HEADER], self.headers.get("Authorization", ""), body)
        )
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        if status == 0:
            self.server.ended.wait(600)
        if status > 0:
            self.send_response(status)
            self.send_header("Location", self.server.url)
            self.end_headers()

    def log_message(self, *_values: object) -> None: ...
