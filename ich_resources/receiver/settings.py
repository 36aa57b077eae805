"""The settings of the receiver, from the environment."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from ich_resources.environment import (
    DICOM_INBOX,
    RECEIVE_AE_TITLE,
    RECEIVE_CALLERS,
    RECEIVE_HOST,
    RECEIVE_PORT,
    RECEIVE_PUBLISHED_HOST,
    RECEIVE_TLS_CERTIFICATE,
    RECEIVE_TLS_CLIENT_CA,
    RECEIVE_TLS_KEY,
    folder,
    read_variable,
    whole_number,
)
from ich_resources.errors import IchError

HOST, PORT, TITLE = "127.0.0.1", 11112, "ICH"
"""Where nothing is set."""


@dataclass(frozen=True)
class Settings:
    """How the receiver runs.

    Attributes
    ----------
    inbox : Path
        Takes the files.
    host, port : str, int
        Where it listens.
    ae_title : str
        Its AE title.
    called : bool
        Whether senders must call it by this title: where the title is set.
    callers : tuple of str
        AE titles that may send; empty: all.
    tls : SSLContext or None
        None: no TLS.
    """

    inbox: Path
    host: str
    port: int
    ae_title: str
    called: bool
    callers: tuple[str, ...]
    tls: ssl.SSLContext | None


def settings() -> Settings:
    """Return the settings.

    Raises
    ------
    IchError
        If one is missing or wrong, or if other machines can reach the receiver and no list says
        who may send.
    """
    host = read_variable(RECEIVE_HOST) or HOST
    reached_at = read_variable(RECEIVE_PUBLISHED_HOST) or host
    title, callers = read_variable(RECEIVE_AE_TITLE), _callers()
    if not callers and not _this_machine(reached_at):
        raise IchError(
            f"other machines can send to {reached_at}, and {RECEIVE_CALLERS} is not set",
            remedy=f"set {RECEIVE_CALLERS} to the AE titles that may send, with commas between "
            f"them, or {RECEIVE_HOST} to {HOST}",
        )
    return Settings(
        inbox=folder("", DICOM_INBOX, "the environment"),
        host=host,
        port=whole_number(None, RECEIVE_PORT, 65535) or PORT,
        ae_title=_title(title, RECEIVE_AE_TITLE) if title else TITLE,
        called=bool(title),
        callers=callers,
        tls=_tls(),
    )


def _callers() -> tuple[str, ...]:
    titles = [each.strip() for each in read_variable(RECEIVE_CALLERS).split(",")]
    return tuple(_title(each, RECEIVE_CALLERS) for each in titles if each)


def _title(text: str, variable: str) -> str:
    """Return an AE title (DICOM PS3.5, 6.2: at most 16 characters, no backslash).

    Raises
    ------
    IchError
        If it is none.
    """
    if not re.fullmatch(r"[ -\[\]-~]{1,16}", text):
        raise IchError(
            f"{variable} holds {text!r}, which is not an AE title",
            remedy="an AE title has 1 to 16 letters, digits or signs of ASCII, and no backslash",
        )
    return text


def _this_machine(host: str) -> bool:
    """Return whether an address can be reached from this machine alone; a name is resolved."""
    text = host.strip("[]")
    try:
        found = [text] if _is_address(text) else _resolve(text)
    except OSError:
        return False
    addresses = [ip_address(each.partition("%")[0]) for each in found]
    mapped = [getattr(each, "ipv4_mapped", None) or each for each in addresses]
    return all(each.is_loopback for each in mapped)


def _is_address(text: str) -> bool:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _resolve(name: str) -> list[str]:
    return [str(each[4][0]) for each in socket.getaddrinfo(name, None)]


def _tls() -> ssl.SSLContext | None:
    """Return the TLS of the server where a certificate is set.

    Raises
    ------
    IchError
        If a file cannot be used, or the certificate is missing.
    """
    certificate, key = read_variable(RECEIVE_TLS_CERTIFICATE), read_variable(RECEIVE_TLS_KEY)
    authorities = read_variable(RECEIVE_TLS_CLIENT_CA)
    if not certificate:
        for variable, value in ((RECEIVE_TLS_KEY, key), (RECEIVE_TLS_CLIENT_CA, authorities)):
            if value:
                raise IchError(
                    f"{variable} is set, and {RECEIVE_TLS_CERTIFICATE} is not",
                    remedy=f"set {RECEIVE_TLS_CERTIFICATE} to a file with the certificate (PEM)",
                )
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with _usable(f"{RECEIVE_TLS_CERTIFICATE} and {RECEIVE_TLS_KEY}"):
        # An empty password, so that nobody is asked for one.
        context.load_cert_chain(certificate, key or None, password="")
    if authorities:
        with _usable(RECEIVE_TLS_CLIENT_CA):
            context.load_verify_locations(authorities)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextmanager
def _usable(variables: str) -> Iterator[None]:
    """Turn what is wrong with a file into one sentence.

    Raises
    ------
    IchError
        If the file cannot be used.
    """
    try:
        yield
    except (OSError, ValueError) as err:
        reason = getattr(err, "reason", None) or getattr(err, "strerror", None)
        raise IchError(
            f"the files of {variables} cannot be used: {reason or type(err).__name__}",
            remedy="give files in PEM format that this user can read, the key without a password",
        ) from err
