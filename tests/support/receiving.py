"""The real receiver as a process, real senders, and peers that misbehave."""

import gc
import os
import socket
import struct
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from live import ROOT, free_port, wait
from pydicom.uid import CTImageStorage
from pynetdicom import AE, evt

VERIFICATION = "1.2.840.10008.1.1"


@dataclass(frozen=True)
class Receiver:
    """A receiver that runs."""

    process: subprocess.Popen
    port: int
    inbox: Path
    log: Path

    def said(self) -> str:
        """What it wrote so far."""
        return self.log.read_text()

    def files(self) -> list[Path]:
        """Everything in its inbox."""
        return sorted(path for path in self.inbox.rglob("*") if path.is_file())

    def memory(self) -> int:
        """The most bytes it ever held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    def threads(self) -> int:
        """How many threads it has."""
        return psutil.Process(self.process.pid).num_threads()

    def connect(self, content: bytes = b"") -> socket.socket:
        """Open a connection, and send some bytes."""
        opened = socket.create_connection(("127.0.0.1", self.port), 30)
        opened.sendall(content)
        return opened


def environment(inbox: Path, **variables: str) -> dict[str, str]:
    """The environment of a receiver, without variables of the machine."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("RECEIVE_")}
    return {**kept, "DICOM_INBOX": str(inbox), "PYTHONPATH": str(ROOT), **variables}


@contextmanager
def receiving(folder: Path, **variables: str) -> Iterator[Receiver]:
    """Run ``python -m ich_resources.receiver`` for a while."""
    number = free_port()
    inbox, log = folder / "inbox", folder / "receiver.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ich_resources.receiver"],
            env=environment(inbox, RECEIVE_PORT=str(number), **variables),
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    started = Receiver(process, number, inbox, log)
    try:
        ready = wait(60, lambda: process.poll() is not None or "listens on" in started.said())
        assert ready and process.poll() is None, started.said()
        yield started
    finally:
        process.terminate()
        process.wait(20)


def refusal(folder: Path, **variables: str) -> str:
    """Return the words of a receiver that does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "ich_resources.receiver"],
        env=environment(folder / "inbox", RECEIVE_PORT=str(free_port()), **variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


@contextmanager
def associated(
    port: int,
    *syntaxes: str,
    calling: str = "SCANNER",
    called: str = "ICH",
    tls: object = None,
    max_pdu: int = 16382,
) -> Iterator[object]:
    """An association of pynetdicom's client; it need not be established."""
    entity = AE(ae_title=calling)
    entity.acse_timeout = entity.dimse_timeout = 60
    entity.add_requested_context(VERIFICATION)
    entity.add_requested_context(CTImageStorage, list(syntaxes) or None)
    association = entity.associate(
        "127.0.0.1", port, ae_title=called, tls_args=tls and (tls, None), max_pdu=max_pdu
    )
    try:
        yield association
    finally:
        if association.is_established:
            association.release()
        with warnings.catch_warnings():
            # pynetdicom's client leaves a socket open where the server closed it first.
            warnings.simplefilter("ignore", ResourceWarning)
            del association, entity
            gc.collect()


def sends(port: int, dataset: object, **options: object) -> int:
    """Send one instance; return the status, or -1 where no association is there."""
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    with associated(port, syntax, **options) as association:
        if not association.is_established:
            return -1
        return association.send_c_store(dataset).Status


def association_request(calling: str = "RAW", called: str = "ICH") -> bytes:
    """Return the bytes with which pynetdicom's client asks for an association."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        entity = AE(ae_title=calling)
        entity.acse_timeout = 1
        entity.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
        seen: list[bytes] = []
        handlers = [(evt.EVT_DATA_SENT, lambda event: seen.append(bytes(event.data)))]
        entity.associate(
            "127.0.0.1", listener.getsockname()[1], ae_title=called, evt_handlers=handlers
        )
    return seen[0]


def pdu(kind: int, content: bytes, length: int | None = None) -> bytes:
    """Return a PDU (DICOM PS3.8, 9.3), its length as it is, or as told."""
    return struct.pack(">BBL", kind, 0, len(content) if length is None else length) + content


def closed(opened: socket.socket, within: float) -> bool:
    """Return whether the other side ends a connection in some seconds."""
    opened.settimeout(within)
    try:
        while opened.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True
