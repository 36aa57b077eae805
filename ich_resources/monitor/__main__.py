"""``python -m ich_resources.monitor``: watches live operation and tells people, until stopped."""

import logging
import os
import signal
import sqlite3
import sys
import threading
import time
import traceback
from pathlib import Path

from ich_resources.errors import IchError
from ich_resources.inbox.reading import EndedSeries
from ich_resources.locks import exclusive_lock
from ich_resources.monitor.courier import Courier, by_command, by_webhook
from ich_resources.monitor.health import State
from ich_resources.monitor.look import Limits, Look, Watch
from ich_resources.monitor.outbox import Outbox
from ich_resources.monitor.ports import ask_ports
from ich_resources.monitor.settings import Hooks, Settings, settings
from ich_resources.monitor.teller import Teller
from ich_resources.storage.layout import Layout

LOOK_EVERY_S, ASK_EVERY_S = 5.0, 20.0
log = logging.getLogger("ich.monitor")


class Monitor:
    """What is known, kept current.

    Parameters
    ----------
    chosen : Settings
        How it runs.
    """

    def __init__(self, chosen: Settings) -> None:
        self._chosen, layout = chosen, Layout(chosen.run_root)
        self.limits = Limits(chosen.stalled_s, chosen.waiting_s, chosen.free_bytes)
        self._watch = Watch(layout, chosen.disks, self.limits)
        self._couriers = couriers(layout.outbox, chosen.hooks)
        outboxes = [courier.outbox for courier in self._couriers.values()]
        self._teller = Teller(layout, outboxes, chosen.hooks.threshold) if outboxes else None
        self._look, self._looked_at = self._watch.look(), time.monotonic()
        self._services: dict[str, bool] = {}

    def state(self) -> State:
        """Return what is known now."""
        return State(
            self._look,
            time.monotonic() - self._looked_at,
            self._services,
            {name: courier.outbox.counts for name, courier in self._couriers.items()},
        )

    def run(self, stop: threading.Event) -> None:
        """Look, ask and tell, until stopped."""
        for courier in self._couriers.values():
            courier.start()
        threading.Thread(target=self._ask, args=(stop,), name="ask", daemon=True).start()
        while not stop.is_set():
            look = self._watch.look()
            _say_changes(self._look, look)
            self._look, self._looked_at = look, time.monotonic()
            if self._teller is not None:
                try:
                    self._teller.tell(_ended(look), look.stalls)
                except OSError as err:
                    log.error("messages cannot be written (%s): tried again", err.strerror)
            stop.wait(LOOK_EVERY_S)
        for courier in self._couriers.values():
            courier.stop()

    def _ask(self, stop: threading.Event) -> None:
        while not stop.is_set():
            found = ask_ports(self._chosen)
            for name, answers in found.items():
                if self._services.get(name, True) != answers:
                    log.warning("%s %s", name, "answers again" if answers else "does not answer")
            self._services = found
            stop.wait(ASK_EVERY_S)


def couriers(folder: Path, hooks: Hooks) -> dict[str, Courier]:
    """Return who delivers the messages of each hook that is set, by its name.

    Parameters
    ----------
    folder : Path
        The outbox.
    hooks : Hooks
        Who is told.
    """
    ways = {}
    if hooks.command:
        ways["command"] = by_command(hooks.command)
    if hooks.url:
        ways["webhook"] = by_webhook(hooks.url, hooks.token)
    return {
        name: Courier(name, Outbox(folder / name, hooks.retry_s), deliver, hooks.retry_s)
        for name, deliver in ways.items()
    }


def _ended(look: Look) -> tuple[EndedSeries, ...] | None:
    if look.unreadable:
        return None
    return () if look.inbox is None else look.inbox.ended


def _end(arguments: threading.ExceptHookArgs) -> None:
    """End the process if one of its threads ends, so that systemd or Compose starts it again."""
    log.critical("the thread %s ended", arguments.thread.name if arguments.thread else "")
    traceback.print_exception(arguments.exc_value)
    os._exit(1)


def _say_changes(before: Look, now: Look) -> None:
    for code in now.stalls.keys() - before.stalls.keys():
        log.warning("the inbox is stalled: %s", code)
    for code in before.stalls.keys() - now.stalls.keys():
        log.warning("the inbox is not stalled any more by %s", code)


def main() -> None:
    """Watch what the environment names, until SIGINT or SIGTERM."""
    try:
        from ich_resources.monitor.server import serve
    except ImportError as err:
        sys.exit(f"the monitor needs prometheus-client: pip install '.[monitor]' ({err})")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # The libraries would name the address of a webhook, which may be a secret.
    for library in ("urllib3", "requests", "pynetdicom"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    threading.excepthook = _end
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        chosen = settings()
        lock = Layout(chosen.run_root).run_root / "state" / ".monitor.lock"
        with exclusive_lock(lock, wait=False):
            monitor = Monitor(chosen)
            server = serve(chosen.host, chosen.port, monitor.state, monitor.limits)
            log.info("watches %s; http://%s:%d/healthz", chosen.run_root, *server.server_address)
            monitor.run(stop)
            server.shutdown()
    except BlockingIOError:
        sys.exit("cannot watch: another monitor watches this RUN_ROOT")
    except (IchError, OSError, sqlite3.Error) as err:
        sys.exit(f"cannot watch: {err}")


if __name__ == "__main__":
    main()
