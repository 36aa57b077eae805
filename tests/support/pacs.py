"""A PACS that fails as it is told: a pynetdicom SCP, in a process of its own where it freezes."""

import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from certificates import Pair
from live import ROOT, free_port, wait
from pydicom import Dataset
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.sop_class import SecondaryCaptureImageStorage, StorageCommitmentPushModel


@dataclass
class Pacs:
    """What a PACS has received, and how it answers."""

    port: int
    status: Callable[[int], int] = lambda _: 0x0000
    aborts_at: int | None = None
    commits: str = ""
    refuses: str = ""
    seconds: float = 0.0
    received: list[str] = field(default_factory=list)
    content: dict[str, bytes] = field(default_factory=dict)
    requests: int = 0

    def store(self, event: evt.Event) -> int:
        self.requests += 1
        if self.requests == self.aborts_at:
            event.assoc.abort()
            return 0x0000
        time.sleep(self.seconds)
        uid = str(event.request.AffectedSOPInstanceUID)
        status = 0xC001 if uid == self.refuses else self.status(self.requests)
        if status == 0x0000:
            self.received.append(uid)
            self.content[uid] = event.encoded_dataset(include_meta=False)
        return status

    def commit(self, event: evt.Event) -> tuple[int, None]:
        """Answer a request for storage commitment on its association, later."""
        if self.commits == "refuses":
            return 0x0122, None
        report, kind = Dataset(), 1
        report.TransactionUID = event.action_information.TransactionUID
        items = list(event.action_information.ReferencedSOPSequence)
        if self.commits == "lacks one":
            kind = 2
            items[-1].FailureReason = 0x0112
            report.FailedSOPSequence = [items.pop()]
        report.ReferencedSOPSequence = items
        if self.commits in ("same", "lacks one"):
            threading.Timer(
                0.3,
                event.assoc.send_n_event_report,
                (report, kind, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1"),
            ).start()
        return 0x0000, None


@contextmanager
def pacs(
    tls: object = None,
    only_called: str = "",
    classes: Iterable[str] = (SecondaryCaptureImageStorage,),
    port: int = 0,
    **behaviour: object,
) -> Iterator[Pacs]:
    """Run a PACS for a while."""
    one = Pacs(port or free_port(), **behaviour)
    entity = AE(ae_title=only_called or "PACS")
    entity.require_called_aet = bool(only_called)
    for sop_class in classes:
        entity.add_supported_context(sop_class, ALL_TRANSFER_SYNTAXES)
    entity.add_supported_context(StorageCommitmentPushModel)
    handlers = [(evt.EVT_C_STORE, one.store), (evt.EVT_N_ACTION, one.commit)]
    server = entity.start_server(
        ("127.0.0.1", one.port), block=False, evt_handlers=handlers, ssl_context=tls
    )
    try:
        yield one
    finally:
        entity.shutdown()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del server, entity


def server_tls(pair: Pair, ca: Pair) -> ssl.SSLContext:
    """Return the TLS of a server that asks for a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    context.load_verify_locations(ca.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextmanager
def frozen_pacs(folder: Path) -> Iterator[int]:
    """Run a PACS whose process is stopped at the first object; yield its port."""
    port = free_port()
    log = folder / "frozen.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, __file__, str(port)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        assert wait(30, lambda: b"ready" in log.read_bytes()), log.read_text()
        yield port
    finally:
        process.kill()
        process.wait(20)


if __name__ == "__main__":
    entity = AE(ae_title="PACS")
    entity.add_supported_context(SecondaryCaptureImageStorage)

    def freeze(event: evt.Event) -> None:
        if isinstance(event.pdu, P_DATA_TF):
            os.kill(os.getpid(), signal.SIGSTOP)

    address = ("127.0.0.1", int(sys.argv[1]))
    entity.start_server(address, block=False, evt_handlers=[(evt.EVT_PDU_RECV, freeze)])
    os.write(1, b"ready")
    time.sleep(600)
