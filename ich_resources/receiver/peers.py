"""How many connections a peer may hold, and which one ends when another needs its place."""

import socket
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limits:
    """Bounds of the receiver.

    Attributes
    ----------
    waiting_per_address, waiting : int
        Connections that have not asked for an association yet.
    per_peer, per_address, associations : int
        Associations of one address and calling AE title, of one address, of all.
    idle_s, quiet_s : float
        Seconds after which an association may end for a new one: where no instance came yet, and
        since its last instance.
    first_pdu_s, pdu_s : float
        Seconds for the request of an association, and for each PDU after it.
    silent_s : float
        Seconds after which an association without a PDU ends.
    instance_s : float
        Seconds for one instance.
    pdu_bytes, command_bytes, instance_bytes, held_bytes : int
        Bytes of one PDU, one command, one instance, and all instances on their way.
    """

    waiting_per_address: int = 32
    waiting: int = 128
    per_peer: int = 10
    per_address: int = 20
    associations: int = 40
    idle_s: float = 1.0
    quiet_s: float = 5.0
    first_pdu_s: float = 10.0
    pdu_s: float = 30.0
    silent_s: float = 60.0
    instance_s: float = 900.0
    pdu_bytes: int = 1 << 20
    command_bytes: int = 1 << 16
    instance_bytes: int = 1_000_000_000
    held_bytes: int = 2_000_000_000


@dataclass(eq=False)
class Connection:
    """One connection of a peer.

    Attributes
    ----------
    reference : weakref to socket
        It does not keep the socket open.
    address : str
        Of the peer.
    title : str
        Calling AE title; empty while no association is there.
    since : float
        When it was opened, and then when its last instance came; seconds of ``monotonic``.
    held : int
        Bytes of the instance that is on its way or is being stored.
    stores : bool
        Whether an instance is being stored.
    instances : int
        How many came.
    ended : bool
        Whether we have broken it.
    """

    reference: "weakref.ref[socket.socket]"
    address: str
    title: str = ""
    since: float = field(default_factory=time.monotonic)
    held: int = 0
    stores: bool = False
    instances: int = 0
    ended: bool = False

    @property
    def open(self) -> bool:
        """Whether the socket is open."""
        found = self.reference()
        return found is not None and found.fileno() >= 0

    def end(self) -> None:
        """Break the connection. A thread that waits for its bytes continues."""
        self.ended = True
        found = self.reference()
        if found is not None:
            with suppress(OSError):
                # Not that of SSLSocket, which takes the socket from the thread that reads.
                socket.socket.shutdown(found, socket.SHUT_RDWR)


class Peers:
    """The connections that are open.

    Parameters
    ----------
    limits : Limits
        The bounds.
    say : callable
        Takes a line on a connection that was ended.
    """

    def __init__(self, limits: Limits, say: Callable[[str], None]) -> None:
        self.limits = limits
        self._say = say
        self._lock = threading.Lock()
        self._open: list[Connection] = []

    def enter(self, opened: socket.socket, address: str) -> Connection:
        """Take a new connection; where too many wait, the oldest of the same address ends."""
        connection = Connection(weakref.ref(opened), address)
        with self._lock:
            waiting = [each for each in self._living() if not each.title]
            same = [each for each in waiting if each.address == address]
            if len(same) >= self.limits.waiting_per_address:
                self._end(same[0], "more connections came than may wait")
            elif len(waiting) >= self.limits.waiting:
                self._end(_of_largest(waiting)[0], "more connections came than may wait")
            self._open.append(connection)
        return connection

    def admit(self, connection: Connection, title: str) -> bool:
        """Return whether an association has a place; a quiet one of the same peer may lose its own.

        Parameters
        ----------
        connection : Connection
            The peer. If it has a place, its title and the time are noted in it.
        title : str
            The calling AE title.
        """
        limits = self.limits
        with self._lock:
            associated = [each for each in self._living() if each.title]
            address = [each for each in associated if each.address == connection.address]
            peer = [each for each in address if each.title == title]
            for group, most in (
                (peer, limits.per_peer),
                (address, limits.per_address),
                (associated, limits.associations),
            ):
                if len(group) >= most:
                    quiet = min(_of_largest(group), key=self._deadline)
                    if self._deadline(quiet) > time.monotonic():
                        return False
                    self._end(quiet, "others of its peer need its place, and it was quiet")
                    break
            connection.title = title or "?"
            connection.since = time.monotonic()
        return True

    def hold(self, connection: Connection, size: int) -> bool:
        """Return whether an instance on its way may have so many bytes; take note of them."""
        with self._lock:
            others = sum(each.held for each in self._living() if each is not connection)
            connection.held = size
        return size <= self.limits.instance_bytes and others + size <= self.limits.held_bytes

    def stored(self, connection: Connection) -> None:
        """Take note that an instance is on disk, or was refused."""
        with self._lock:
            connection.since = time.monotonic()
            connection.held = 0
            connection.stores = False
            connection.instances += 1

    def end_all(self) -> None:
        """Break all connections."""
        with self._lock:
            for each in self._living():
                each.end()

    def _deadline(self, connection: Connection) -> float:
        """Return from when on an association may end for another."""
        if connection.held or connection.stores:
            return float("inf")
        quiet = self.limits.quiet_s if connection.instances else self.limits.idle_s
        return connection.since + quiet

    def _living(self) -> list[Connection]:
        self._open = [each for each in self._open if each.open]
        return self._open

    def _end(self, connection: Connection, why: str) -> None:
        connection.end()
        self._open = [each for each in self._open if each is not connection]
        title = f" ({connection.title})" if connection.title else ""
        self._say(f"ended a connection of {connection.address}{title}: {why}")


def _of_largest(connections: Iterable[Connection]) -> list[Connection]:
    """Return the connections of the address that has the most."""
    found = list(connections)
    counts: Counter[Hashable] = Counter(each.address for each in found)
    ((most, _),) = counts.most_common(1)
    return [each for each in found if each.address == most]
