"""The DICOM network side of the receiver (pynetdicom)."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import Any

from pydicom.uid import UID
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.dsutils import encode_file_meta

from ich_resources.receiver.bounded import BoundedServer, BoundedSocket, Handler
from ich_resources.receiver.identity import Encoding, identify
from ich_resources.receiver.peers import Limits, Peers
from ich_resources.receiver.store import (
    CANNOT_UNDERSTAND,
    OUT_OF_RESOURCES,
    SUCCESS,
    place,
    write_instance,
)

VERIFICATION = "1.2.840.10008.1.1"
"""SOP class of C-ECHO (DICOM PS3.4, A.4)."""
DEFLATED = "1.2.840.10008.1.2.1.99"
"""Deflated Explicit VR Little Endian (DICOM PS3.5, A.5)."""
_LIMIT_EXCEEDED = (0x02, 0x03, 0x02)
_MANY = 1_000_000

log = logging.getLogger("ich.receiver")


@dataclass(frozen=True)
class Access:
    """Who may send.

    Attributes
    ----------
    callers : sequence of str
        Calling AE titles; empty: all.
    called : bool
        Whether a sender must call us by our AE title.
    tls : SSLContext or None
        Of the server; None: no TLS.
    """

    callers: Sequence[str] = ()
    called: bool = False
    tls: SSLContext | None = None


def start(
    inbox: Path,
    *,
    host: str,
    port: int,
    ae_title: str,
    access: Access | None = None,
    limits: Limits | None = None,
) -> BoundedServer:
    """Listen for associations, each in a thread of its own; return the running server.

    Success is answered once the instance lies on disk under its final name: an acknowledged
    instance cannot be lost. Of an association that breaks off, the instances that were answered
    stay, and the one on its way leaves nothing.

    Parameters
    ----------
    inbox : Path
        The folder that the sensor watches.
    host, port : str, int
        Where to listen; port 0 takes a free one.
    ae_title : str
        Our application entity title.
    access : Access, optional
        Who may send; without it everyone who reaches the port.
    limits : Limits, optional
        Other bounds than the usual ones.

    Raises
    ------
    OSError
        If the port is taken.
    """
    access, limits = access or Access(), limits or Limits()
    entity = AE(ae_title=ae_title)
    entity.add_supported_context(VERIFICATION)
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
    entity.require_calling_aet = list(access.callers)
    entity.require_called_aet = access.called
    entity.acse_timeout = limits.first_pdu_s
    entity.network_timeout = limits.silent_s
    # Connections that say nothing count there too. The places of associations are those of Peers.
    entity.maximum_associations = _MANY
    peers = Peers(limits, log.warning)
    handlers: list[Any] = [
        (evt.EVT_REQUESTED, lambda event: _admit(event, peers, access)),
        (evt.EVT_CONN_CLOSE, _wake),
        (evt.EVT_REJECTED, lambda event: _say_rejected(event, access)),
        (evt.EVT_C_STORE, lambda event: store(event, inbox)),
        (evt.EVT_C_ECHO, lambda event: SUCCESS),
        (evt.EVT_ABORTED, lambda event: log.warning("association aborted: %s", _peer(event))),
    ]
    server = entity.make_server(
        (host, port),
        ssl_context=access.tls,
        evt_handlers=handlers,
        server_class=BoundedServer,
        request_handler=Handler,
        peers=peers,
    )
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="receiver", daemon=True
    ).start()
    assert isinstance(server, BoundedServer)
    return server


def store(event: evt.Event, inbox: Path) -> int:
    """Keep one received instance; return the status of the response (DICOM PS3.4, B.2.3)."""
    found = _socket(event)
    found.connection.stores = True
    try:
        return _store(event, inbox)
    except MemoryError:
        log.error("no memory for an instance from %s", _peer(event))
        return OUT_OF_RESOURCES
    finally:
        found.peers.stored(found.connection)


def _store(event: evt.Event, inbox: Path) -> int:
    try:
        syntax = UID(event.context.transfer_syntax)
        content = event.encoded_dataset(include_meta=False)
        encoding = Encoding(
            syntax.is_implicit_VR, syntax.is_little_endian, deflated=syntax == DEFLATED
        )
        path = place(inbox, *identify(content, encoding))
        about = event.file_meta
        about.SourceApplicationEntityTitle = event.assoc.requestor.ae_title
        meta = bytes(128) + b"DICM" + encode_file_meta(about)
    except (ValueError, AttributeError, KeyError) as err:
        log.error("refused an instance from %s: %s", _peer(event), err)
        return CANNOT_UNDERSTAND
    try:
        written = write_instance(path, meta, content)
    except OSError as err:
        log.error("cannot write %s: %s", path, err.strerror)
        return OUT_OF_RESOURCES
    if written != path:
        log.warning(
            "%s has other content than %s: both are kept", written.name, path.relative_to(inbox)
        )
    log.info("received %s from %s", written.relative_to(inbox), _peer(event))
    return SUCCESS


def _wake(event: evt.Event) -> None:
    """Let the thread of a connection that asked for nothing end; it would wait for a request."""
    if event.assoc.requestor.primitive is None:
        nothing: Any = None
        event.assoc.dul.to_user_queue.put(nothing)


def _admit(event: evt.Event, peers: Peers, access: Access) -> None:
    """Give an association its place, or reject it for now; strangers are rejected by pynetdicom."""
    if not _stranger(event, access) and not peers.admit(_socket(event).connection, _calling(event)):
        log.warning("rejected an association of %s: its places are taken", _peer(event))
        event.assoc.acse.send_reject(*_LIMIT_EXCEEDED)
        event.assoc.kill()


def _say_rejected(event: evt.Event, access: Access) -> None:
    log.warning("rejected an association of %s: %s", _peer(event), _stranger(event, access))


def _stranger(event: evt.Event, access: Access) -> str:
    """Return why a sender is not let in; empty where it is."""
    if access.callers and _calling(event) not in access.callers:
        return "its AE title is not in RECEIVE_CALLERS"
    called = _printable(getattr(event.assoc.requestor.primitive, "called_ae_title", None))
    ours = event.assoc.acceptor.ae_title.strip()
    return f"it calls {called!r}, not {ours!r}" if access.called and called != ours else ""


def _calling(event: evt.Event) -> str:
    return _printable(getattr(event.assoc.requestor.primitive, "calling_ae_title", None))


def _socket(event: evt.Event) -> BoundedSocket:
    found = event.assoc.dul.socket
    assert isinstance(found, BoundedSocket)
    return found


def _peer(event: evt.Event) -> str:
    requestor = event.assoc.requestor
    return f"{requestor.address}:{requestor.port} ({_calling(event)})"


def _printable(title: str | None) -> str:
    """Return an AE title for logs: without what a terminal would run."""
    return "".join(c if c.isprintable() and c.isascii() else "?" for c in (title or "").strip())
