"""The OHIF viewer in a real Chromium, beside a real Orthanc: what it shows, as pixels."""

import base64
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import requests
from browser import Page, browser
from orthanc import USER, Orthanc

_CONFIG = """
const root = location.origin + '/dicom-web';
window.config = {
  extensions: [], modes: [], customizationService: {}, showStudyList: true,
  investigationalUseDialog: {option: 'never'},
  defaultDataSourceName: 'orthanc',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'orthanc',
    configuration: {
      friendlyName: 'Orthanc', name: 'orthanc', qidoRoot: root, wadoRoot: root,
      imageRendering: 'wadors', thumbnailRendering: 'wadors', enableStudyLazyLoad: true,
      supportsWildcard: true, omitQuotationForMultipartRequest: true,
    },
  }],
};
"""
_VIEWPORT = "document.querySelector('[data-cy=viewport-pane]')"


class Viewer:
    """A tab with one study.

    Attributes
    ----------
    page : Page
        The tab.
    """

    def __init__(self, page: Page, url: str, study: str) -> None:
        self.page = page
        self._url = f"{url}/viewer?StudyInstanceUIDs={study}"
        size = {"width": 1300, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        page.ask("Emulation.setDeviceMetricsOverride", **size)
        page.ask("Page.navigate", url=self._url)
        tour = "[...document.querySelectorAll('button')].find(e => e.innerText == 'Skip all')"
        page.wait(f"!!{tour}")  # it comes once in a profile
        page.value(f"{tour}.click()")

    def open(self) -> None:
        """Open the study anew, and wait until the scan is there."""
        self.page.ask("Page.navigate", url="about:blank")
        self.page.ask("Page.navigate", url=self._url)
        self.page.wait(f"!!{_VIEWPORT}")
        self.until(lambda: self.number() > 0 and self.picture().mean() > 5)

    def show(self, series_number: int) -> None:
        """Open a series by a double click in the list of the study."""
        entry = f"document.querySelector('[data-series=\"{series_number}\"]')"
        self.page.wait(f"!!{entry}")
        x, y = self._box(entry)[:2]
        for click in (1, 2):
            for what in ("mousePressed", "mouseReleased"):
                event = {"type": what, "button": "left", "clickCount": click}
                self.page.ask("Input.dispatchMouseEvent", x=x + 20, y=y + 20, **event)

    def turn(self) -> None:
        """Turn the wheel by one picture, and wait until it is there."""
        before = self.number()
        x, y, width, height = self._box(_VIEWPORT)
        at = {"x": x + width / 2, "y": y + height / 2, "deltaX": 0, "deltaY": 100}
        self.page.ask("Input.dispatchMouseEvent", type="mouseWheel", **at)
        self.until(lambda: self.number() != before)

    def number(self) -> int:
        """The InstanceNumber that stands in the viewport; 0 for none."""
        found = re.search(r"I:\s*(\d+)", self.page.value(f"{_VIEWPORT}.innerText"))
        return int(found[1]) if found else 0

    def picture(self) -> np.ndarray:
        """The viewport as it is on the screen, uint8 RGB (H, W, 3)."""
        x, y, width, height = self._box(_VIEWPORT)
        clip = {"x": x, "y": y, "width": width, "height": height, "scale": 1}
        coded = self.page.ask("Page.captureScreenshot", format="png", clip=clip)["data"]
        return cv2.imdecode(np.frombuffer(base64.b64decode(coded), np.uint8), 1)[..., ::-1].copy()

    def until(self, ready: Callable[[], object], seconds: float = 60) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end, "OHIF does not get ready"
            time.sleep(0.5)

    def _box(self, element: str) -> tuple[float, float, float, float]:
        box = (
            f"(({element}).scrollIntoView({{block: 'nearest'}}), {element}.getBoundingClientRect())"
        )
        return tuple(self.page.value(f"(b => [b.x, b.y, b.width, b.height])({box})"))


@contextmanager
def ohif(dist: Path, archive: Orthanc, study: str, folder: Path) -> Iterator[Viewer]:
    """Serve OHIF and the DICOMweb of an Orthanc from one address; open a study there."""
    handler = partial(_BesideOrthanc, archive, directory=str(dist))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        try:
            with browser(folder) as page:
                yield Viewer(page, f"http://127.0.0.1:{http.server_port}", study)
        finally:
            http.shutdown()


class _BesideOrthanc(SimpleHTTPRequestHandler):
    def __init__(self, archive: Orthanc, *args: object, **options: str) -> None:
        self._archive = archive
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        if self.path.startswith("/dicom-web/"):
            headers = {name: self.headers[name] for name in ("Accept", "Host")}
            url = f"{self._archive.url}{self.path}"
            answer = requests.get(url, auth=USER, headers=headers, timeout=60)
            kind = answer.headers.get("Content-Type", "text/plain")
            self._send(answer.status_code, kind, answer.content)
        elif self.path == "/app-config.js":
            self._send(200, "text/javascript", _CONFIG.encode())
        else:
            if not Path(self.translate_path(self.path)).is_file():
                self.path = "/index.html"
            super().do_GET()

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
