"""Which requests reach Dagster's webserver; each refusal is one sentence with a status.

Dagster runs a GraphQL mutation that comes by GET, from any page, under any name of the server. So a
page of any site that the same browser shows could start runs. Here a mutation must be a POST with
``application/json``: a browser asks the server before it sends such a request for another site, and
this server never agrees.
"""

from dataclasses import dataclass
from typing import NamedTuple

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

from ich_assets.runtime.web.hosts import AllowedHosts, HostPort, parse_host
from ich_resources.environment import UI_HOSTS


class Refusal(NamedTuple):
    """Why a request does not reach Dagster: an HTTP status and a sentence."""

    status: int
    sentence: str


@dataclass(frozen=True)
class Request:
    """What the rules look at.

    Attributes
    ----------
    method : str
        HTTP method in capital letters; ``WEBSOCKET`` for a WebSocket that shall be opened.
    path : str
        Decoded path, without the prefix of the server.
    queries : tuple of str
        Every parameter ``query`` of the URL.
    headers : tuple of (str, str)
        Names in lower case.
    """

    method: str
    path: str
    queries: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    def values(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value.strip() for key, value in self.headers if key == name]


GRAPHQL = "/graphql"
REPORTS = "/report_asset_"
"""Begin of the paths where Dagster takes events of assets from anybody."""


def judge(request: Request, allowed: AllowedHosts) -> Refusal | None:
    """Return why a request may not reach Dagster, None if it may.

    Parameters
    ----------
    request : Request
        The request, before its body is read.
    allowed : AllowedHosts
        The names of this server.

    References
    ----------
    Fetch standard, "CORS-safelisted request-header"; RFC 6455, section 10.2
    """
    return _foreign(request, allowed) or _unsafe(request)


def _foreign(request: Request, allowed: AllowedHosts) -> Refusal | None:
    hosts = request.values("host")
    host = parse_host(hosts[0]) if len(hosts) == 1 else None
    if host is None:
        return Refusal(400, "The request does not say one host -> send one Host header.")
    if not allowed.allow(host):
        return Refusal(
            403,
            f"The host {host.name} is not a name of this server -> open it on 127.0.0.1, or add "
            f"the name to {UI_HOSTS}.",
        )
    return _from_elsewhere(request, allowed, host)


def _from_elsewhere(request: Request, allowed: AllowedHosts, host: HostPort) -> Refusal | None:
    elsewhere = Refusal(
        403,
        "The request comes from a page of another site -> use the pages of this server; if a proxy "
        f"changes its name, add the name that the browser shows to {UI_HOSTS}.",
    )
    origins = request.values("origin")
    if origins:
        known = len(origins) == 1 and allowed.same_site(origins[0], host)
        return None if known else elsewhere
    # Without an origin: an image or a form of a browser that says where it comes from. A link that
    # a person follows is a navigation, and only shows a page.
    site = request.values("sec-fetch-site")
    followed = request.method == "GET" and request.values("sec-fetch-mode") == ["navigate"]
    if not site or site in (["same-origin"], ["none"]) or followed:
        return None
    return elsewhere


def _unsafe(request: Request) -> Refusal | None:
    if request.path.startswith(REPORTS):
        return Refusal(403, "Events of assets are not taken here -> run the job instead.")
    if request.method == "WEBSOCKET":
        if request.path != GRAPHQL:
            return Refusal(403, f"There is no WebSocket at this path -> use {GRAPHQL}.")
        return None
    if request.method in ("GET", "HEAD"):
        return _changes_by_get(request)
    if request.method != "POST":
        return Refusal(405, "Only GET and POST are allowed -> use one of them.")
    if request.path != GRAPHQL:
        return Refusal(403, f"Nothing is taken by POST at this path -> use {GRAPHQL}.")
    kinds = [kind.partition(";")[0].strip().lower() for kind in request.values("content-type")]
    if kinds != ["application/json"]:
        return Refusal(415, "A request by POST must be JSON -> send Content-Type application/json.")
    return None


def _changes_by_get(request: Request) -> Refusal | None:
    if request.path != GRAPHQL:
        return None
    for query in request.queries:
        try:
            document = parse(query, no_location=True)
        except (GraphQLError, RecursionError):
            return Refusal(400, "The GraphQL of the URL cannot be read -> send it by POST as JSON.")
        for part in document.definitions:
            if isinstance(part, OperationDefinitionNode) and part.operation != OperationType.QUERY:
                return Refusal(405, "GET may only read -> send a mutation by POST as JSON.")
    return None
