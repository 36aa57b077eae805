"""TLS of connections that we open, and of the one that a destination opens to us."""

import ssl

from ich_resources.errors import SendError
from ich_resources.sending.destination import Tls


def client_context(tls: Tls, field: str) -> ssl.SSLContext:
    """Return the TLS of a connection that we open: the other side must prove its name.

    Parameters
    ----------
    tls : Tls
        The files.
    field : str
        The field of the configuration, for errors.

    Raises
    ------
    SendError
        If a file cannot be used.
    """
    return _loaded(ssl.PROTOCOL_TLS_CLIENT, tls, field)


def listener_context(tls: Tls, field: str) -> ssl.SSLContext:
    """Return the TLS of connections that a destination opens to us; it must have a certificate.

    See ``client_context`` for the parameters.

    Raises
    ------
    SendError
        If a file cannot be used, or no certificate is set.
    """
    if not tls.certificate:
        raise SendError(
            f"{field}: storage commitment with TLS needs a certificate of our own",
            remedy="set certificate and key, or leave commitment out",
        )
    context = _loaded(ssl.PROTOCOL_TLS_SERVER, tls, field)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _loaded(protocol: int, tls: Tls, field: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if tls.ca:
            context.load_verify_locations(tls.ca)
        else:
            context.load_default_certs()
        if tls.certificate:
            # An empty password, so that nobody is asked for one.
            context.load_cert_chain(tls.certificate, tls.key or None, password="")
    except (OSError, ValueError) as err:
        reason = getattr(err, "reason", None) or getattr(err, "strerror", None)
        raise SendError(
            f"{field}: the files cannot be used: {reason or type(err).__name__}",
            remedy="give files in PEM format that this user can read, the key without a password",
        ) from err
    return context
