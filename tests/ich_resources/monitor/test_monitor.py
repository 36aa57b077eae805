"""The monitor as a process: it lives while the daemon is dead, and tells through a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from live import Monitor, monitor, wait
from webhook import SECRET, WebhookServer

from ich_resources.arrivals import Arrival
from ich_resources.inbox.index import InboxIndex
from ich_resources.storage.layout import Layout

PATIENT = "Zaphodius^Beeblebroxus"


class Site:
    """A run root with an inbox index, a server for messages, and the monitor of both."""

    def __init__(self, root: Path) -> None:
        self.layout, self.server, self.log = Layout(root), WebhookServer(), root / "log"
        self.environment = {
            "RUN_ROOT": str(root),
            "MONITOR_WEBSERVER": "off",
            "MONITOR_STALLED_SECONDS": "3600",
            "MONITOR_FREE_GB": "0.001",
            "HOOK_URL": self.server.url,
            "HOOK_TOKEN": SECRET,
            "HOOK_RETRY_SECONDS": "0.5",
            "HOOK_COMMAND": f"sh -c 'cat >> {root}/told; exit 0'",
        }
        self.tick(ended=time.time())
        self.failed("1.2")

    def tick(self, ended: float) -> None:
        self.layout.inbox_tick.parent.mkdir(parents=True, exist_ok=True)
        self.layout.inbox_tick.write_text(json.dumps({"ended": ended}))

    def failed(self, series: str) -> None:
        with InboxIndex.open(self.layout.inbox_index) as index:
            index.upsert([Arrival(series, "1.1", PATIENT, "failed", codes="RUN", sentence=PATIENT)])

    def monitor(self, **more: str) -> AbstractContextManager[Monitor]:
        return monitor({**os.environ, **self.environment, **more}, self.log)


@pytest.fixture
def site(tmp_path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.server.end()


@pytest.mark.slow
def test_it_watches_and_tells_with_the_same_id_after_a_kill(site):
    with site.monitor() as watching:
        status, health = watching.ask("/healthz")
        assert (status, json.loads(health)["failures"]) == (200, {"RUN": 1})
        assert 'ich_failures{code="RUN"} 1.0' in watching.ask("/metrics")[1]
        assert watching.ask("/")[0] == 404
        other = subprocess.run(
            [sys.executable, "-m", "ich_resources.monitor"],
            env={**os.environ, **site.environment},
            capture_output=True,
            text=True,
        )
        assert (other.returncode, other.stderr) == (
            1,
            "cannot watch: another monitor watches this RUN_ROOT\n",
        )
        site.server.statuses = [500, 0]  # it fails, and then hangs
        site.failed("1.3")
        assert wait(20, lambda: len(site.server.got) == 2)
        watching.process.send_signal(signal.SIGKILL)
        watching.process.wait()
    site.tick(ended=time.time() - 4000)
    with site.monitor() as watching:
        assert wait(20, lambda: len(site.server.got) == 4)
        assert wait(20, lambda: not list(site.layout.outbox.glob("*/*.json")))
        (stalled,) = [got for got in site.server.got if got[2]["kind"] == "stalled"]
        first, *same = [got for got in site.server.got if got is not stalled]
        assert first[1] == f"Bearer {SECRET}"
        assert first[2]["series_instance_uid"] == "1.3" and first[2]["kind"] == "failure"
        assert same == [first, first]
        assert stalled[2]["codes"] == "NO_TICK"
        status, health = watching.ask("/healthz")
        assert (status, list(json.loads(health)["faults"])) == (503, ["inbox NO_TICK"])
        site.tick(ended=time.time())
        assert wait(20, lambda: watching.ask("/healthz")[0] == 200)
        watching.process.terminate()
        assert watching.process.wait(20) == 0
    said = site.log.read_text() + (site.layout.run_root / "told").read_text() + health
    said += json.dumps(site.server.got)
    assert "1.3" in said and PATIENT not in said and SECRET not in site.log.read_text()


@pytest.mark.parametrize("setting", [{"RUN_ROOT": ""}, {"MONITOR_HOST": "203.0.113.1"}])
def test_what_stops_it_is_one_sentence(site, setting):
    with site.monitor(**setting) as watching:
        assert watching.process.wait(20) == 1
    assert site.log.read_text().startswith("cannot watch: ")
    assert "Traceback" not in site.log.read_text()
