"""``python -m ich_resources.receiver.health``: whether the receiver of this environment answers."""

import socket
import ssl
import sys

from ich_resources.errors import IchError
from ich_resources.machine import is_free
from ich_resources.receiver.settings import HOST, Settings, settings

_TIMEOUT_S = 10.0
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (it is not listened on here)


def main() -> int:
    """Return 0 where the receiver answers a C-ECHO, or agrees on TLS where it has TLS."""
    try:
        healthy = _is_well(settings())
    except (IchError, OSError) as err:
        print(f"the receiver does not answer: {err}", file=sys.stderr)  # noqa: T201
        return 1
    return 0 if healthy else 1


def state_of_port() -> str:
    """Return whether the receiver can listen on its port, or does already.

    Raises
    ------
    IchError
        If another program listens there, or a setting of the receiver is wrong.
    """
    chosen = settings()
    host, port = _address(chosen)
    if host != HOST or is_free(port):
        return f"{port} is free" if host == HOST else f"{host}: not looked at"
    try:
        if _is_well(chosen):
            return f"{port}: the receiver answers"
    except (OSError, ImportError):
        pass
    raise IchError(
        f"another program listens on port {port}",
        remedy="end it, or set RECEIVE_PORT to another port",
    )


def _address(chosen: Settings) -> tuple[str, int]:
    return HOST if chosen.host in _EVERYWHERE else chosen.host, chosen.port


def _is_well(chosen: Settings) -> bool:
    caller = chosen.callers[0] if chosen.callers else ""
    return answers(*_address(chosen), chosen.ae_title, caller, tls=chosen.tls is not None)


def answers(host: str, port: int, ae_title: str, caller: str = "", *, tls: bool = False) -> bool:
    """Return whether a receiver answers a C-ECHO, or agrees on TLS.

    Parameters
    ----------
    host, port : str, int
        Where it listens.
    ae_title : str
        Its AE title.
    caller : str
        AE title that may send; empty: any.
    tls : bool
        Whether it has TLS. We have no certificate that senders need, so there is no echo then.

    Raises
    ------
    OSError
        If it cannot be reached.
    """
    return _agrees_on_tls(host, port) if tls else _echoes(host, port, ae_title, caller)


def _agrees_on_tls(host: str, port: int) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is our own, under any name
    with socket.create_connection((host, port), _TIMEOUT_S) as plain:
        plain.settimeout(_TIMEOUT_S)
        with context.wrap_socket(plain) as agreed:
            return agreed.version() is not None


def _echoes(host: str, port: int, ae_title: str, caller: str) -> bool:
    from pynetdicom import AE

    from ich_resources.receiver.server import VERIFICATION

    entity = AE(ae_title=caller or "ECHOSCU")
    entity.acse_timeout = entity.dimse_timeout = entity.connection_timeout = _TIMEOUT_S
    entity.add_requested_context(VERIFICATION)
    association = entity.associate(host, port, ae_title=ae_title)
    if not association.is_established:
        return False
    status = association.send_c_echo()
    association.release()
    return getattr(status, "Status", None) == 0


if __name__ == "__main__":
    sys.exit(main())
