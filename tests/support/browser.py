"""A real Chromium without a window, driven through its DevTools protocol."""

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engines import engine_is_missing
from websockets.sync.client import ClientConnection, connect

AXE = Path("/usr/local/share/ich-tests/axe-core/package/axe.min.js")
"""Where tests/hpc/install_services.sh puts axe-core."""
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


class Page:
    """A tab. Everything that it asks for or complains of is kept.

    Attributes
    ----------
    requests : list of str
        URLs asked for, without those that hold their data.
    complaints : list of str
        Errors and warnings of the console, and exceptions.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command; return its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=120))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        method, params = message.get("method", ""), message.get("params", {})
        if method == "Network.requestWillBeSent":
            url = params["request"]["url"]
            self.requests += [] if url.startswith("data:") else [url]
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.complaints.append(json.dumps(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])

    def open(self, path: Path, *, width: int = 1300, dark: bool = False) -> float:
        """Open a file; return the seconds until it has loaded and drawn."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.requests.clear()
        self.complaints.clear()
        began = time.perf_counter()
        self.ask("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete'")
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return time.perf_counter() - began

    def value(self, expression: str) -> Any:
        """Return the value of JavaScript; a promise is awaited."""
        found = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = 60) -> None:
        """Wait until JavaScript is true."""
        end = time.monotonic() + seconds
        while not self.value(expression):
            assert time.monotonic() < end, expression
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    def violations(self) -> list[str]:
        """Return what axe-core finds against."""
        self.value(AXE.read_text(encoding="utf-8") + ";0")
        words = "v => v.id + ': ' + v.nodes[0].html"
        return list(self.value(f"axe.run().then(found => found.violations.map({words}))"))

    def pdf(self) -> bytes:
        """Print."""
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True)["data"])


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Start a Chromium with a profile in a folder; yield its tab."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None or not AXE.is_file():
        engine_is_missing("no Chromium or axe-core here: tests/hpc/install_services.sh")
    profile = folder / "profile"
    command = [program, *_FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen([*command, "about:blank"], stdout=log, stderr=log)
    try:
        with connect(_address(profile, process), max_size=None, proxy=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        process.wait(30)


def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    from urllib.request import ProxyHandler, build_opener

    port, end = profile / "DevToolsActivePort", time.monotonic() + 120
    while not port.is_file() or not port.read_text().strip():
        assert process.poll() is None and time.monotonic() < end, "Chromium does not start"
        time.sleep(0.1)
    number = port.read_text().split()[0]
    opener = build_opener(ProxyHandler({}))
    while True:
        with opener.open(f"http://127.0.0.1:{number}/json/list", timeout=30) as answer:
            tabs = [tab for tab in json.load(answer) if tab["type"] == "page"]
        if tabs:
            return str(tabs[0]["webSocketDebuggerUrl"])
        assert time.monotonic() < end
        time.sleep(0.1)
