"""The real webserver and daemon, the real receiver, a real DICOM sender."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
READY = "{ assetNodes { assetKey { path } groupName } }"
RUNS = """
{ runsOrError(limit: 1000) { ... on Runs { results {
    runId status pipelineName tags { key value } } } } }
"""
PARTITIONS = """
query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  assetPartitionStatuses { ... on DefaultPartitionStatuses { materializedPartitions } } } } }
"""
LAUNCH = """
mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } } }
"""
TERMINATE = """
mutation($run: String!, $policy: TerminateRunPolicy) {
  terminateRun(runId: $run, terminatePolicy: $policy) { __typename } }
"""
FINISHED = ("SUCCESS", "FAILURE", "CANCELED")


_RESERVED: list[socket.socket] = []
_PORTS = range(12_000, 32_000)
"""Below the ports that the kernel gives to clients, which could take a free one at any moment."""


def free_port() -> int:
    """Return a free port that no other test gets while this process lives.

    Other workers of pytest look for ports too. A name in the abstract namespace of Unix sockets
    belongs to one process at a time, and is free when that ends.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        reserved = socket.socket(socket.AF_UNIX)
        with suppress(OSError), socket.socket() as free:
            reserved.bind(f"\0ich-tests-port-{port}")
            free.bind(("127.0.0.1", port))
            _RESERVED.append(reserved)
            return port
        reserved.close()
    raise AssertionError("no port is free")


PATIENCE = 3
"""How much longer something may take because other tests run beside it."""


def wait(seconds: float, ready: Callable[[], object], every: float = 0.5) -> bool:
    """Return whether a condition became true in time; a refused connection counts as not yet.

    ``seconds`` are those of a machine that has nothing else to do. ``every`` is the time between
    two looks.
    """
    end = time.monotonic() + PATIENCE * seconds
    while time.monotonic() < end:
        with suppress(OSError):
            if ready():
                return True
        time.sleep(every)
    return False


class Webserver:
    """The webserver of ``make up`` behind its guard, the daemon with it, and its GraphQL."""

    def __init__(
        self, environment: Mapping[str, str], log: Path, python: Path | None = None, **user
    ) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [str(python or sys.executable), "-m", "ich_assets.runtime.web", "dev"]
        command += ["-w", "workspace.yaml"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "-h", "127.0.0.1", "-p", str(port)],
                env=dict(environment),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A shell without job control starts this process with SIGINT ignored, and Dagster
                # would then ignore it too.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
                start_new_session=True,
                **user,
            )
        begun = wait(120, lambda: self.process.poll() is not None or self.ask(READY)["assetNodes"])
        assert begun and self.process.poll() is None, log.read_text()[-3000:]

    def ask(self, query: str, **variables):
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def runs(self) -> list[dict]:
        """Return every run, the oldest first, its tags as a mapping."""
        found = self.ask(RUNS)["runsOrError"]["results"]
        return [r | {"tags": {t["key"]: t["value"] for t in r["tags"]}} for r in reversed(found)]

    def launch(self, job: str, tags: Mapping[str, str], config: Mapping | None = None) -> str:
        """Launch a run as the Launchpad does; return its id."""
        selector = {"repositoryLocationName": "ich", "repositoryName": "__repository__"}
        params = {
            "selector": {**selector, "jobName": job},
            "runConfigData": dict(config or {}),
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
        }
        answer = self.ask(LAUNCH, params=params)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def terminate(self, run: str, *, force: bool = False) -> str:
        """Terminate a run as the UI does, by force where its box is ticked."""
        policy = "MARK_AS_CANCELED_IMMEDIATELY" if force else "SAFE_TERMINATE"
        return self.ask(TERMINATE, run=run, policy=policy)["terminateRun"]["__typename"]

    def statuses(self) -> dict[str, str]:
        """Return the status of every run."""
        return {run["runId"]: run["status"] for run in self.runs()}

    def stop(self) -> None:
        """Stop it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill it and everything it has started, at once: a power cut."""
        parent = psutil.Process(self.process.pid)
        for process in [parent, *parent.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()


def materialised_partitions(server: Webserver, asset: str) -> list[str]:
    """Return the partitions of an asset that the UI shows as materialised."""
    node = server.ask(PARTITIONS, key={"path": [asset]})["assetNodeOrError"]
    return list(node["assetPartitionStatuses"]["materializedPartitions"])


@contextmanager
def webserver(
    environment: Mapping[str, str], log: Path, python: Path | None = None, **user
) -> Iterator[Webserver]:
    """Run what ``make up`` runs inside the block, as ``user`` if it is given."""
    server = Webserver(environment, log, python, **user)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def receiver(environment: Mapping[str, str], port: int) -> Iterator[None]:
    """Run the C-STORE receiver inside the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ich_resources.receiver"],
        env={**environment, "RECEIVE_PORT": str(port)},
        cwd=ROOT,
    )
    try:
        assert wait(60, lambda: socket.create_connection(("127.0.0.1", port)).close() or True)
        yield
    finally:
        process.terminate()
        process.wait(20)


class Monitor:
    """The monitor as a process, and what it answers."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.port = free_port()
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ich_resources.monitor"],
                env={**environment, "MONITOR_PORT": str(self.port)},
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )

    def ask(self, path: str) -> tuple[int, str]:
        """Return status and text of an answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as err:
            return err.code, err.read().decode()

    def health(self) -> dict:
        """Return what it says of everything."""
        return json.loads(self.ask("/healthz")[1])


@contextmanager
def monitor(environment: Mapping[str, str], log: Path) -> Iterator[Monitor]:
    """Run the monitor inside the block."""
    found = Monitor(environment, log)
    try:
        begun = wait(60, lambda: found.process.poll() is not None or found.ask("/healthz"), 0.05)
        assert begun, log.read_text()
        yield found
    finally:
        found.process.kill()
        found.process.wait()


def send(port: int, *paths: Path) -> None:
    """Send files by C-STORE, with dcmtk if it is installed, else with pynetdicom's client."""
    for folder in os.environ["PATH"].split(os.pathsep):
        client = shutil.which("storescu", path=folder)
        if client and b"dcmtk" in subprocess.run([client, "--version"], capture_output=True).stdout:
            command = [client]
            break
    else:
        command = [sys.executable, "-m", "pynetdicom", "storescu"]
    for path in paths:
        subprocess.run(
            [*command, "127.0.0.1", str(port), str(path)], check=True, capture_output=True
        )
