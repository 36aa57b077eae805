"""Delivers the messages of one hook: a command, or a webhook."""

import json
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import requests
from requests.auth import AuthBase

from ich_resources.environment import HOOK_TOKEN
from ich_resources.errors import StorageError
from ich_resources.monitor.messages import Message
from ich_resources.monitor.outbox import Entry, Outbox

ID_HEADER = "X-ICH-Message-Id"
ID_VARIABLE = "ICH_MESSAGE_ID"
TIMEOUT_S = 30.0
"""Longest time of one attempt."""
_PAUSE_S = 0.5
log = logging.getLogger("ich.monitor")


class Courier(threading.Thread):
    """A thread that delivers the messages of one outbox, one after another.

    Parameters
    ----------
    name : str
        For the log.
    outbox : Outbox
        Its messages.
    deliver : callable
        Delivers one; returns why that failed, or an empty text.
    pause_s : float
        Seconds without an attempt after one that failed: a server that hangs is not stormed.
    """

    def __init__(
        self, name: str, outbox: Outbox, deliver: Callable[[Message], str], pause_s: float
    ) -> None:
        super().__init__(name=f"hook {name}", daemon=True)
        self.outbox, self._deliver, self._pause_s = outbox, deliver, pause_s
        self._hook = name
        self._ending = threading.Event()

    def stop(self) -> None:
        """Begin no further attempt."""
        self._ending.set()

    def run(self) -> None:
        """Deliver what is due, until ``stop``."""
        pause = 0.0
        while not self._ending.wait(pause):
            entry = self.outbox.due()
            if entry is None:
                pause = _PAUSE_S
                continue
            message = entry.message
            why = self._deliver(message)
            end = self._settle(entry, why)
            if why:
                log.warning("%s: %s %s: %s; %s", self._hook, message.kind, message.id, why, end)
            else:
                log.info("%s: %s %s was delivered", self._hook, message.kind, message.id)
            pause = self._pause_s if why else 0.0

    def _settle(self, entry: Entry, why: str) -> str:
        """Store how an attempt ended; return what follows if it failed."""
        try:
            if not why:
                self.outbox.delivered(entry)
            elif self.outbox.failed(entry):
                return "it is given up"
        except (OSError, StorageError) as err:
            log.error("%s: a file of the outbox cannot be changed (%s)", self._hook, err)
        return "it is tried again"


def by_command(command: Sequence[str], timeout_s: float = TIMEOUT_S) -> Callable[[Message], str]:
    """Return what starts a program with a message as JSON on its standard input.

    The program has succeeded if its exit status is 0. It and what it has started are ended after
    the timeout.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments. No shell reads them.
    timeout_s : float
        Longest time, in seconds.
    """

    def deliver(message: Message) -> str:
        environment = {k: v for k, v in os.environ.items() if k != HOOK_TOKEN}
        try:
            process = subprocess.Popen(  # noqa: S603 (the person who sets it runs this process)
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env={**environment, ID_VARIABLE: message.id},
                start_new_session=True,
            )
        except (OSError, ValueError) as err:
            return f"the command cannot be started ({type(err).__name__})"
        try:
            process.communicate(json.dumps(message.to_json()).encode(), timeout=timeout_s)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return f"the command took longer than {timeout_s:.0f} s"
        except OSError:
            process.wait()  # it has not read its input
        return f"the command ended with status {process.returncode}" if process.returncode else ""

    return deliver


class _Bearer(AuthBase):
    """The token, if there is one. Without this class requests would take one from ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def by_webhook(url: str, token: str = "", timeout_s: float = TIMEOUT_S) -> Callable[[Message], str]:
    """Return what posts a message as JSON.

    The server has taken it if its status is 2xx. Redirections are not followed. Neither URL nor
    token appear in what it returns: both may be secrets.

    Parameters
    ----------
    url : str
        The webhook.
    token : str
        Sent as bearer, if there is one.
    timeout_s : float
        Longest time to connect, and to wait for an answer, in seconds.
    """

    def deliver(message: Message) -> str:
        try:
            with requests.post(
                url,
                json=message.to_json(),
                headers={ID_HEADER: message.id},
                auth=_Bearer(token),
                timeout=timeout_s,
                allow_redirects=False,
                stream=True,  # the body does not matter
            ) as answer:
                taken = 200 <= answer.status_code < 300
                return "" if taken else f"the server answered {answer.status_code}"
        except (requests.RequestException, OSError, ValueError) as err:
            return f"the server did not answer ({type(err).__name__})"

    return deliver
