"""pynetdicom's server with bounds: on bytes, time and connections of its peers."""

import logging
import select
import socket
import socketserver
import ssl
import time
from io import BytesIO
from typing import Any, Self

from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from ich_resources.receiver.peers import Connection, Limits, Peers

log = logging.getLogger("ich.receiver")


class BoundedSocket(AssociationSocket):
    """Reads PDUs within the limits; a peer that exceeds one loses its connection.

    Notes
    -----
    pynetdicom waits without end for a PDU that has begun, reads what its length says, and keeps
    every fragment of a message.
    """

    def __init__(self, assoc: Association, sock: socket.socket, connection: Connection) -> None:
        super().__init__(assoc, client_socket=sock)
        server = assoc._server
        assert isinstance(server, BoundedServer)
        self.peers: Peers = server.peers
        self.connection = connection
        self._opened = self._begun = time.monotonic()
        sock.settimeout(self.limits.pdu_s)

    @property
    def limits(self) -> Limits:
        """The bounds."""
        return self.peers.limits

    @property
    def ready(self) -> bool:
        """Whether there is something to read, and nothing read that is not served yet."""
        if self.connection.stores or not self.assoc.dimse.msg_queue.empty():
            return False
        return super().ready

    def recv(self, nr_bytes: int) -> bytearray:
        """Read the head or the rest of a PDU.

        Raises
        ------
        OSError
            If a limit is exceeded, or the connection breaks.
        """
        assert self.socket is not None
        self._require_bounds(nr_bytes)
        now = time.monotonic()
        limits, asked = self.limits, bool(self.connection.title)
        end = now + limits.pdu_s if asked else self._opened + limits.first_pdu_s
        content = bytearray()
        try:
            while len(content) < nr_bytes:
                self.socket.settimeout(max(end - time.monotonic(), 0.001))
                piece = self.socket.recv(min(nr_bytes - len(content), 65536))
                if not piece:
                    break
                content += piece
        except TimeoutError:
            raise self._exceeded("a PDU did not come in time") from None
        finally:
            self.socket.settimeout(limits.pdu_s)
        return content

    def _require_bounds(self, nr_bytes: int) -> None:
        """Check what would be held after so many further bytes.

        Raises
        ------
        OSError
            If it is too much.
        """
        if nr_bytes > self.limits.pdu_bytes:
            raise self._exceeded(f"a PDU of {nr_bytes} bytes")
        message = self.assoc.dimse.message
        if message is None:
            self._begun = time.monotonic()
            held = command = 0
        else:
            command = message.encoded_command_set.tell()
            held = message.data_set.tell() if isinstance(message.data_set, BytesIO) else 0
        if command > self.limits.command_bytes:
            raise self._exceeded("a command without end")
        if time.monotonic() - self._begun > self.limits.instance_s:
            raise self._exceeded(f"an instance took more than {self.limits.instance_s:.0f} s")
        if not self.peers.hold(self.connection, held and held + nr_bytes):
            raise self._exceeded("an instance is too large, or too much is on its way")

    def _exceeded(self, what: str) -> OSError:
        peer = self.connection
        title = f" ({peer.title})" if peer.title else ""
        log.warning("ended a connection of %s%s: %s", peer.address, title, what)
        return OSError(what)

    def _shutdown_socket(self) -> None:
        super()._shutdown_socket()
        if self.socket is not None:
            self.socket.close()  # pynetdicom leaves it open where the peer was faster


class Handler(RequestHandler):
    """Makes the association of a connection, its TLS first."""

    def handle(self) -> None:
        """Agree on TLS where it is asked for; start the association once the peer says something.

        An association costs two threads that look for work a thousand times a second.
        """
        server = self.server
        assert isinstance(server, BoundedServer)
        self._connection = server.connection_of(self.request)
        try:
            asks = self._asks(server.peers.limits.first_pdu_s)
        except OSError as err:
            reason = getattr(err, "reason", None) or err.strerror or type(err).__name__
            log.warning("no TLS with %s: %s", self.client_address[0], reason)
            asks = False
        if asks and not self._connection.ended:
            super().handle()
        else:
            server.shutdown_request(self.request)

    def _asks(self, seconds: float) -> bool:
        """Return whether a peer says something in time, after TLS where that is set.

        Raises
        ------
        OSError
            If TLS is not agreed on.
        """
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(seconds)
            self.request.do_handshake()
            if self.request.pending():
                return True
        found = select.poll()
        found.register(self.request, select.POLLIN)
        return bool(found.poll(seconds * 1000))

    def _create_association(self) -> Association:
        association = super()._create_association()
        association.dul.event_queue.get_nowait()  # that of the socket which is replaced
        association.dul.socket = None
        association.set_socket(BoundedSocket(association, self.request, self._connection))
        return association


class _Unchanged(list[PresentationContext]):
    """Presentation contexts, which are only read; pynetdicom's copy for each connection is slow."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class BoundedServer(ThreadedAssociationServer):
    """Accepts connections as far as its peers have places; never waits for one of them."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, *args: Any, peers: Peers, **kwargs: Any) -> None:
        self.peers = peers
        self._entered: dict[int, Connection] = {}
        super().__init__(*args, **kwargs)
        self.contexts = _Unchanged(self.contexts)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection; TLS is agreed on in a thread of its own.

        Raises
        ------
        OSError
            If the connection is gone again.
        """
        assert self.socket is not None
        accepted, address = self.socket.accept()
        if self.ssl_context:
            try:
                accepted = self.ssl_context.wrap_socket(
                    accepted, server_side=True, do_handshake_on_connect=False
                )
            except OSError:
                accepted.close()
                raise
        self._entered[id(accepted)] = self.peers.enter(accepted, address[0])
        return accepted, address

    def connection_of(self, accepted: socket.socket) -> Connection:
        """Return what is known of an accepted connection."""
        return self._entered.pop(id(accepted))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say that a connection failed, without a stack trace."""
        log.warning("a connection of %s failed", client_address[0])

    def shutdown(self) -> None:
        """Stop listening, and break what is open."""
        socketserver.BaseServer.shutdown(self)
        self.server_close()
        self.peers.end_all()
