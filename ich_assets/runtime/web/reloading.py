"""The code server of ``dagster dev`` is started again where it was killed.

Dagster's own process in front of it starts it once, and again only where somebody asks for it in
the UI. Until then no sensor ticks and no run starts. systemd and Compose restart theirs.
"""

import json
import sys
import threading
import urllib.request
from typing import Any

_SECONDS_BETWEEN_LOOKS = 10.0
_TIMEOUT_S = 60.0
"""A reload starts the code server and waits for it."""
_UNREACHABLE = "DagsterUserCodeUnreachableError"
_STATE = (
    "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError "
    "{ ... on PythonError { message } } } } } }"
)
_RELOAD = (
    "mutation($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) "
    "{ __typename } }"
)

_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""The webserver is on this machine, whatever proxy the environment names."""


class CodeServerWatch(threading.Thread):
    """Looks at the code locations of a webserver, and reloads those whose server is away.

    Parameters
    ----------
    address : str
        Of the webserver, such as http://127.0.0.1:3000.
    seconds : float
        Time between two looks.
    """

    def __init__(self, address: str, seconds: float = _SECONDS_BETWEEN_LOOKS) -> None:
        super().__init__(name="watching the code server", daemon=True)
        self._address, self._seconds = f"{address}/graphql", seconds
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until ``end`` is called."""
        while not self._ended.wait(self._seconds):
            try:
                self.look()
            except (OSError, ValueError, KeyError, TypeError):
                continue  # the webserver does not answer yet, or no more

    def end(self) -> None:
        """Let the thread end at its next look."""
        self._ended.set()

    def look(self) -> list[str]:
        """Reload every location whose code server is away, and return their names.

        Raises
        ------
        OSError, ValueError, KeyError, TypeError
            If the webserver does not answer, or answers something else.
        """
        entries = self._ask(_STATE)["workspaceOrError"]["locationEntries"]
        away = [
            entry["name"]
            for entry in entries
            if _UNREACHABLE in ((entry["locationOrLoadError"] or {}).get("message") or "")
        ]
        for name in away:
            sys.stderr.write(f"The code server of {name} has ended: it is started again\n")
            self._ask(_RELOAD, name=name)
        return away

    def _ask(self, query: str, **variables: str) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._address, body, headers)  # noqa: S310
        with _DIRECTLY.open(request, timeout=_TIMEOUT_S) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
            return data
