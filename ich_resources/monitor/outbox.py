"""The outbox of one hook: a whole file for each message until it is delivered or given up."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ich_resources.errors import StorageError
from ich_resources.monitor.messages import Message
from ich_resources.storage.files import read_json, remove, sweep
from ich_resources.whole_files import part_name, write_whole

ATTEMPTS = 50
"""A message is given up after so many attempts: after about a day, by the waits below."""
LONGEST_WAIT_S = 1800.0
GIVEN_UP = "undelivered"
"""Folder of messages that were given up. To have one tried again, move it one folder up."""


class Entry(NamedTuple):
    """A message, and how often it was tried."""

    message: Message
    attempts: int


def wait_after(attempts: int, first_wait_s: float) -> float:
    """Return how long a message waits after so many failed attempts, in seconds."""
    return min(LONGEST_WAIT_S, first_wait_s * 2.0 ** min(attempts - 1, 30))


class Outbox:
    """The messages that one hook has not got yet.

    Parameters
    ----------
    folder : Path
        Its files. Two processes must not use it at once.
    first_wait_s : float
        Seconds before the second attempt; doubled each time.
    clock : callable
        Seconds of a clock that nobody sets.
    """

    def __init__(
        self, folder: Path, first_wait_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder, self._first_wait_s, self._clock = folder, first_wait_s, clock
        self._lock = threading.Lock()
        self._waiting: dict[str, Entry] = {}
        self._not_before: dict[str, float] = {}
        self._given_up = 0
        self._read()

    def _read(self) -> None:
        """Read what an earlier process has left: each message is due at once."""
        if not self._folder.is_dir():
            return
        sweep(self._folder)
        for path in sorted(self._folder.glob("*.json")):
            try:
                value = read_json(path, remedy="delete the file")
                entry = Entry(Message(**value["message"]), int(value["attempts"]))
            except (StorageError, KeyError, TypeError, ValueError):
                path.replace(path.with_suffix(".damaged"))  # kept for a person to look at
                continue
            self._waiting[entry.message.id] = entry
        self._given_up = len(list((self._folder / GIVEN_UP).glob("*.json")))

    def add(self, message: Message) -> None:
        """Keep a message, unless it is kept already; it survives a power cut.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        with self._lock:
            if message.id not in self._waiting:
                self._write(Entry(message, 0))

    def _path(self, message: Message) -> Path:
        return self._folder / f"{message.id}.json"

    def _write(self, entry: Entry) -> None:
        value: dict[str, Any] = {"message": entry.message.to_json(), "attempts": entry.attempts}
        content = json.dumps(value, indent=2).encode()
        path = self._path(entry.message)
        write_whole(path, content, part_name(), durable=True, durable_name=True)
        self._waiting[entry.message.id] = entry

    def due(self) -> Entry | None:
        """Return the message that may be tried now: of several the one that waits longest."""
        with self._lock:
            now = self._clock()
            waits = {key: self._not_before.get(key, 0.0) for key in self._waiting}
            ready = [key for key, not_before in waits.items() if not_before <= now]
            return self._waiting[min(ready, key=waits.__getitem__)] if ready else None

    def delivered(self, entry: Entry) -> None:
        """Forget a message that arrived."""
        with self._lock:
            self._forget(entry)
            remove([self._path(entry.message)])

    def failed(self, entry: Entry) -> bool:
        """Count an attempt that failed; return whether the message is given up."""
        with self._lock:
            again = entry._replace(attempts=entry.attempts + 1)
            wait = wait_after(again.attempts, self._first_wait_s)
            self._not_before[entry.message.id] = self._clock() + wait
            self._waiting[entry.message.id] = again  # it counts, though its file may not change
            self._write(again)
            if again.attempts < ATTEMPTS:
                return False
            given_up = self._folder / GIVEN_UP
            given_up.mkdir(exist_ok=True)
            path = self._path(entry.message)
            path.replace(given_up / path.name)
            self._forget(entry)
            self._given_up += 1
            return True

    def _forget(self, entry: Entry) -> None:
        self._waiting.pop(entry.message.id, None)
        self._not_before.pop(entry.message.id, None)

    @property
    def counts(self) -> dict[str, int]:
        """Number of messages that are waiting, and that were given up."""
        with self._lock:
            return {"waiting": len(self._waiting), GIVEN_UP: self._given_up}
