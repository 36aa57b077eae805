"""Which names of this server a browser may use, and which page a request comes from.

A browser sends the name that it believes it talks to (``Host``) and the page that sends the request
(``Origin``). A name that is not ours means that somebody else's name leads to this machine.
"""

import ipaddress
import os
import re
from typing import NamedTuple

from ich_resources.environment import UI_HOSTS
from ich_resources.errors import IchError

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.IGNORECASE)
_ORIGIN = re.compile(r"(https?)://([^/?#@\\\s]+)", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


class HostPort(NamedTuple):
    """A host name in lower case or an address, and its port if one is given."""

    name: str
    port: int | None


def parse_host(text: str) -> HostPort | None:
    """Return the parts of ``name``, ``name:port``, ``address:port`` or ``[address]:port``.

    Parameters
    ----------
    text : str
        Value of a ``Host`` header, or an entry of UI_HOSTS.

    Returns
    -------
    HostPort or None
        None if it is none of these.

    References
    ----------
    RFC 9110, section 7.2; RFC 3986, section 3.2.2
    """
    found = _HOST.fullmatch(text)
    if found is None or int(found[2] or 0) > 65535:
        return None
    name = found[1].lower()
    if name.startswith("["):
        try:
            name = str(ipaddress.IPv6Address(name[1:-1]))
        except ValueError:
            return None
    return HostPort(name, int(found[2]) if found[2] else None)


def parse_origin(text: str) -> tuple[HostPort, int] | None:
    """Return the host of an origin, its port filled in, and the default port of its scheme.

    Parameters
    ----------
    text : str
        Value of an ``Origin`` header, such as ``http://localhost:3000``.

    Returns
    -------
    tuple of HostPort and int, or None
        None for ``null``, for a text that is not an origin, and for a scheme that is not http
        or https.

    References
    ----------
    RFC 6454, section 7
    """
    found = _ORIGIN.fullmatch(text)
    host = parse_host(found[2]) if found else None
    if found is None or host is None:
        return None
    default = _PORTS[found[1].lower()]
    return HostPort(host.name, default if host.port is None else host.port), default


class AllowedHosts:
    """The names of this server: those of the loopback interface, and those of UI_HOSTS.

    Parameters
    ----------
    entries : iterable of HostPort
        The names of UI_HOSTS. An entry without a port allows every port.
    """

    def __init__(self, entries: "list[HostPort] | tuple[HostPort, ...]" = ()) -> None:
        self._entries = frozenset(entries)

    @classmethod
    def from_environment(cls) -> "AllowedHosts":
        """Return the names that UI_HOSTS adds.

        Raises
        ------
        IchError
            If an entry is not a host, or a host with a port.
        """
        entries = []
        for text in os.environ.get(UI_HOSTS, "").replace(",", " ").split():
            entry = parse_host(text)
            if entry is None:
                raise IchError(
                    f"{UI_HOSTS}: {text!r} is not a host name",
                    remedy="write names such as ich.example.org, ich-node:3017 or [::1]:3000, with "
                    "commas between them, without http:// and without *",
                )
            entries.append(entry)
        return cls(entries)

    def allow(self, host: HostPort) -> bool:
        """Return whether a request may name this server so."""
        return _is_loopback(host.name) or self._lists(host)

    def same_site(self, origin: str, host: HostPort) -> bool:
        """Return whether a page of this origin may send requests to this server.

        It may if it came from the server that it talks to, or if UI_HOSTS names it. The second is
        for a proxy in between that changes the host.

        Parameters
        ----------
        origin : str
            Value of the ``Origin`` header.
        host : HostPort
            Of the ``Host`` header.
        """
        parsed = parse_origin(origin)
        if parsed is None:
            return False
        page, default = parsed
        if page == (host.name, default if host.port is None else host.port):
            return True
        return page in self._entries or (
            page.port == default and HostPort(page.name, None) in self._entries
        )

    def _lists(self, host: HostPort) -> bool:
        return host in self._entries or HostPort(host.name, None) in self._entries


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
