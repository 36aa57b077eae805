"""One HTTP request: where a token may go, and what a refusal means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import requests

from ich_resources.deadlines import in_time
from ich_resources.errors import FetchError

TIMEOUT_S = (15, 60)
"""Seconds to wait for a connection, and for the next bytes."""
_PASSING = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Address:
    """An address to request.

    Attributes
    ----------
    url : str
        Without credentials.
    accept : str
        Media type, for the Accept header.
    token : str
        Bearer token for the host of the URL, and for no other; may be empty.
    remedies : mapping of int to str
        What the reader can do about a status.
    """

    url: str
    accept: str = "*/*"
    token: str = field(default="", repr=False)
    remedies: Mapping[int, str] = field(default_factory=dict)

    @property
    def display_name(self) -> str:
        """The URL for people: without a query, which may hold a signature."""
        return self.url.partition("?")[0]


class InterruptedTransferError(Exception):
    """A request failed in a way that may pass; the message is fit for a log."""


class _Bearer(requests.auth.AuthBase):
    """A token as credentials of the request, so that no ~/.netrc takes its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Session(requests.Session):
    """Follows redirects, with credentials for the first host alone, and never from TLS to none."""

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Drop the credentials where a redirect leads to another scheme, host or port."""
        if _origin(str(response.request.url)) != _origin(str(prepared_request.url)):
            prepared_request.headers.pop("Authorization", None)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where a redirect leads.

        Raises
        ------
        FetchError
            If it leads from https to something else.
        """
        target = super().get_redirect_target(resp)
        if target and urlsplit(resp.url).scheme == "https":
            scheme = urlsplit(urljoin(resp.url, target)).scheme
            if scheme != "https":
                resp.close()
                raise FetchError(
                    f"a redirect leads from https to {scheme}",
                    path=resp.url.partition("?")[0],
                    remedy="ask the owner of the server, or use another source",
                )
        return target


def open_address(
    session: requests.Session, address: Address, headers: Mapping[str, str], seconds: float
) -> requests.Response:
    """Send a GET request and return the answer, its body not yet read.

    Parameters
    ----------
    session : requests.Session
        See ``web.session``.
    address : Address
        ``url``, ``accept`` and ``token`` make the request; ``remedies`` goes into the error.
    headers : mapping of str to str
        Further headers, such as Range and If-Range.
    seconds : float
        For the head of the answer, redirects included.

    Returns
    -------
    Response
        With status 200, 206 or 416.

    Raises
    ------
    InterruptedTransferError
        If the connection fails, or the server answers that it may work later.
    FetchError
        If the answer is another one.
    """
    try:
        answer = in_time(lambda: _get(session, address, headers), seconds)
    except TimeoutError:
        host = urlsplit(address.url).netloc
        raise InterruptedTransferError(f"no whole answer from {host} in {seconds:.0f} s") from None
    if answer.status_code in (200, 206, 416):
        return answer
    answer.close()
    host = urlsplit(address.url).netloc
    if answer.status_code in _PASSING:
        raise InterruptedTransferError(f"{host} answers {answer.status_code} {answer.reason}")
    remedy = address.remedies.get(answer.status_code)
    if answer.headers.get("X-RateLimit-Remaining") == "0":
        remedy = "too many requests from here: wait an hour, or set a token"
    raise FetchError(
        f"the server answers {answer.status_code} {answer.reason}",
        path=address.display_name,
        remedy=remedy or "check repository, tag and base_url",
    )


def _get(
    session: requests.Session, address: Address, headers: Mapping[str, str]
) -> requests.Response:
    """Send a GET request and return any answer.

    Raises
    ------
    FetchError, InterruptedTransferError
        If none comes.
    """
    try:
        return session.get(
            address.url,
            # Offsets count bytes of the file as the server keeps it.
            headers={"Accept": address.accept, "Accept-Encoding": "identity", **headers},
            auth=_Bearer(address.token) if address.token else None,
            stream=True,
            timeout=TIMEOUT_S,
        )
    # "from None": the texts of requests quote URLs, and those of redirects hold signatures.
    except (requests.exceptions.RequestException, ValueError) as err:
        error = _connection_error(err, address)
    raise error from None


def _connection_error(err: Exception, address: Address) -> FetchError | InterruptedTransferError:
    """Return our error for one of requests': a fault that may pass is an interrupted transfer."""
    host = urlsplit(address.url).netloc
    match err:
        case requests.exceptions.SSLError():
            return FetchError(
                f"the certificate of {host}, or of where it redirects to, is not trusted",
                path=address.display_name,
                remedy="set REQUESTS_CA_BUNDLE to the certificates of your site",
            )
        case requests.exceptions.ProxyError():
            text = f"the proxy in HTTP_PROXY or HTTPS_PROXY gives no way to {host}"
        case requests.exceptions.ConnectTimeout():
            text = f"no connection to {host} in {TIMEOUT_S[0]} s"
        case requests.exceptions.Timeout():
            text = f"no answer from {host} in {TIMEOUT_S[1]} s"
        case requests.exceptions.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            text = f"no connection to {host}, or to where it redirects to"
        case _:
            if isinstance(err, requests.exceptions.RequestException) and err.response is not None:
                err.response.close()
            return FetchError(
                f"the address cannot be used ({type(err).__name__})",
                path=address.display_name,
                remedy="check repository, tag and base_url",
            )
    return InterruptedTransferError(text)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
