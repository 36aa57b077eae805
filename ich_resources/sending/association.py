"""One association with a destination: opened, bounded in time, always closed."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from pynetdicom import AE, evt
from pynetdicom.association import Association

from ich_resources.sending.answers import UnusableError
from ich_resources.sending.destination import DimseDestination
from ich_resources.sending.tls import client_context, listener_context

Context = tuple[str, str]
"""SOP class and transfer syntax that are proposed together."""
SLOWEST = 100_000
"""Bytes that must go each second, beyond the time-out."""
_REJECTED_FOR_NOW = 2


def seconds_for(size: int, timeout_s: float) -> float:
    """Return how long a destination may take for so many bytes, in seconds."""
    return timeout_s + size / SLOWEST


@contextmanager
def associated(
    to: DimseDestination,
    contexts: Sequence[Context],
    timeout_s: float,
    handlers: Sequence[Any] = (),
) -> Iterator[Association]:
    """Open an association with a destination, and end it after the block.

    Parameters
    ----------
    to : DimseDestination
        Where to.
    contexts : sequence of (str, str)
        What is proposed: only what is needed.
    timeout_s : float
        Most seconds for a connection, and for each answer.
    handlers : sequence
        Event handlers of pynetdicom.

    Yields
    ------
    Association
        Established, with at least one accepted context.

    Raises
    ------
    UnusableError
        If there is no association.
    SendError
        If a file for TLS cannot be used.
    """
    entity = AE(ae_title=to.calling)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = timeout_s
    entity.network_timeout = None  # each wait has its own bound
    for abstract, syntax in contexts:
        entity.add_requested_context(abstract, syntax)
    tls = tls_of(to)
    opened: list[socket.socket] = []
    watch = (evt.EVT_CONN_OPEN, lambda event: opened.append(_bounded(event, timeout_s)))
    try:
        association = entity.associate(
            to.host, to.port, ae_title=to.called, tls_args=tls, evt_handlers=[watch, *handlers]
        )
    except socket.gaierror as err:
        raise UnusableError(
            f"the name {to.host} is not known: {err.strerror}", passing=True
        ) from None
    try:
        if not association.is_established:
            _refuse(association, to, tls, timeout_s)
        yield association
    finally:
        _end(association, opened)


def require_usable(to: DimseDestination) -> None:
    """Check the files for TLS of a destination.

    Raises
    ------
    SendError
        If one cannot be used, or a certificate of our own is missing.
    """
    tls_of(to)
    if to.tls is not None and to.commitment is not None:
        listener_context(to.tls, f"send.destinations, {to.name}: tls")


def tls_of(to: DimseDestination) -> tuple[ssl.SSLContext, str] | None:
    """Return the TLS of a destination and the name it must have, None where it has no TLS.

    Raises
    ------
    SendError
        If a file for TLS cannot be used.
    """
    if to.tls is None:
        return None
    context = client_context(to.tls, f"send.destinations, {to.name}: tls")
    return context, to.tls.name or to.host


def _bounded(event: evt.Event, timeout_s: float) -> socket.socket:
    """Let no send and no receive of a connection wait longer; pynetdicom waits without end."""
    wrapper = event.assoc.dul.socket
    assert wrapper is not None and wrapper.socket is not None
    opened: socket.socket = wrapper.socket
    opened.settimeout(timeout_s)
    return opened


def _end(association: Association, opened: Sequence[socket.socket]) -> None:
    if association.is_established:
        association.release()
    if association.is_alive():
        association.abort()
    for each in opened:
        with suppress(OSError):
            each.close()  # pynetdicom leaves it open where the other side was faster


def _refuse(
    association: Association,
    to: DimseDestination,
    tls: tuple[ssl.SSLContext, str] | None,
    timeout_s: float,
) -> NoReturn:
    """Say why an association is not there.

    Raises
    ------
    UnusableError
        Always.
    """
    answer = association.acceptor.primitive
    where = f"{to.host}:{to.port}"
    if association.is_rejected and answer is not None:
        for_now = answer.result == _REJECTED_FOR_NOW
        why = str(answer.reason_str).lower()
        raise UnusableError(f"{where} rejects the association: {why}", passing=for_now)
    if answer is not None and answer.result == 0:
        raise UnusableError(f"{where} takes none of our kinds of objects", passing=False)
    # pynetdicom keeps the reason to itself.
    why, passing = _why_no_connection(to, tls, timeout_s)
    raise UnusableError(why, passing=passing)


def _why_no_connection(
    to: DimseDestination, tls: tuple[ssl.SSLContext, str] | None, timeout_s: float
) -> tuple[str, bool]:
    """Connect once more; return why that is not possible, and whether it may pass."""
    where = f"{to.host}:{to.port}"
    try:
        with socket.create_connection((to.host, to.port), timeout_s) as plain:
            if tls is not None:
                with tls[0].wrap_socket(plain, server_hostname=tls[1]):
                    pass
    except ssl.SSLCertVerificationError as err:
        return f"the certificate of {where} is not trusted: {err.verify_message}", False
    except ssl.SSLError as err:
        return f"no TLS with {where}: {err.reason or 'it broke off'}", False
    except TimeoutError:
        return f"{where} does not answer in {timeout_s:.0f} s", True
    except OSError as err:
        return f"no connection to {where}: {err.strerror}", True
    return f"{where} connects, and breaks off or does not answer in {timeout_s:.0f} s", True
