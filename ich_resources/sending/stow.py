"""STOW-RS: objects to an archive, one request for each."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import requests
from dicomweb_client.web import DICOMwebClient
from pydicom import Dataset

from ich_resources.deadlines import in_time
from ich_resources.errors import SendError
from ich_resources.sending.answers import Answer, UnusableError, of_http, of_status
from ich_resources.sending.association import seconds_for
from ich_resources.sending.destination import Tls, WebDestination
from ich_resources.sending.objects import Outgoing
from ich_resources.sending.references import resolve
from ich_resources.sending.tls import client_context

_BUNDLE = "REQUESTS_CA_BUNDLE"
_WHOLE = 1 << 62
"""Bytes of a chunk: no request is cut into chunks, which some servers refuse."""


class _Basic(requests.auth.AuthBase):
    """Credentials of each request; without any, no other ones take their place."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        user, colon, password = self._text.partition(":")
        if self._text.startswith("Bearer "):
            request.headers["Authorization"] = self._text
        elif colon:
            requests.auth.HTTPBasicAuth(user.encode(), password.encode())(request)
        return request


class _Session(requests.Session):
    """Follows no redirect, takes nothing from ~/.netrc, and keeps the last response."""

    def __init__(self) -> None:
        super().__init__()
        # Otherwise REQUESTS_CA_BUNDLE would go before the CA file of the configuration.
        self.trust_env = False
        self.last: requests.Response | None = None

    def post(self, url: Any, data: Any = None, json: Any = None, **options: Any) -> Any:
        """Send a request; dicomweb-client gives it a Host without the port."""
        headers = {k: v for k, v in options.pop("headers", {}).items() if k != "Host"}
        self.last = None
        self.last = super().post(
            url, data=data, json=json, headers=headers, allow_redirects=False, **options
        )
        return self.last


def store(
    to: WebDestination, objects: Sequence[Outgoing], timeout_s: float
) -> Iterator[tuple[Outgoing, Answer]]:
    """Send objects, one after the other.

    Parameters
    ----------
    to : WebDestination
        Where to.
    objects : sequence of Outgoing
        What.
    timeout_s : float
        Most seconds for a connection, and for each answer.

    Yields
    ------
    Outgoing, Answer
        Each object once it is answered.

    Raises
    ------
    UnusableError
        If no request can be sent; the objects that were yielded are answered.
    SendError
        If a file is not the one of its record, or a reference cannot be resolved.
    """
    address = to.address
    with session_for(to) as session:
        for one in objects:
            content = one.content()
            seconds = seconds_for(len(content), timeout_s)
            # The limits of requests are for each wait; a server may drip its answer.
            try:
                reply = in_time(
                    lambda c=content, s=seconds: _post(session, address, c, s),  # type: ignore[misc]
                    2 * seconds,
                )
            except TimeoutError:
                raise UnusableError(
                    f"it did not answer an object in {2 * seconds:.0f} s", passing=True
                ) from None
            yield one, _judged(one, session.last, reply)


def session_for(to: WebDestination) -> _Session:
    """Return a session with the credentials, the proxy and the TLS of a destination.

    Raises
    ------
    SendError
        If one of them cannot be resolved, or a file cannot be used.
    """
    field = f"send.destinations, {to.name}:"
    session = _Session()
    session.headers["Accept"] = "application/dicom+json"
    session.auth = _Basic(resolve(to.credentials, f"{field} credentials") if to.credentials else "")
    if to.proxy:
        proxy = resolve(to.proxy, f"{field} proxy")
        session.proxies = {"http": proxy, "https": proxy}
    else:
        session.proxies = requests.utils.get_environ_proxies(to.address)
    tls = to.tls or Tls()
    client_context(tls, f"{field} tls")  # a key with a password would ask for it in the terminal
    session.verify = tls.ca or os.environ.get(_BUNDLE) or True
    if tls.certificate:
        session.cert = (tls.certificate, tls.key) if tls.key else tls.certificate
    return session


def _post(session: _Session, address: str, content: bytes, seconds: float) -> Dataset | None:
    """Send one object; return what the answer says of objects, None where it says nothing.

    Raises
    ------
    UnusableError
        If no answer comes.
    SendError
        If the address cannot be used.
    """
    try:
        client = DICOMwebClient(address, session=session, timeout=seconds, chunk_size=_WHOLE)
        client.set_http_retry_params(retry=False)
        # store_instances would encode the object again, and other bytes might go.
        return client._http_post_multipart_application_dicom(f"{address}/studies", [content])
    except requests.exceptions.HTTPError:
        return _said(session.last)
    except requests.exceptions.JSONDecodeError:
        return None
    # "from None": the texts of requests quote addresses and proxies.
    except requests.exceptions.RequestException as err:
        error: Exception = _unusable(err, seconds)
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError):
        if session.last is not None:
            return None  # it answers, and not as STOW-RS does
        error = SendError("the address cannot be used", remedy="check url and proxy")
    raise error from None


def _said(response: requests.Response | None) -> Dataset | None:
    """Return what the response to a failed request says of objects."""
    try:
        return None if response is None else Dataset.from_json(response.json())
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _judged(one: Outgoing, response: requests.Response | None, reply: Dataset | None) -> Answer:
    """Return the answer for one object (DICOM PS3.18, 10.5.3 and annex I.2)."""
    assert response is not None
    reply = reply or Dataset()
    for item in reply.get("ReferencedSOPSequence", ()):
        if item.get("ReferencedSOPInstanceUID") == one.sop_instance:
            remark = "stored, with a warning" if "WarningReason" in item else ""
            return Answer("accepted", f"HTTP {response.status_code}", remark)
    for item in reply.get("FailedSOPSequence", ()):
        if item.get("ReferencedSOPInstanceUID") == one.sop_instance and "FailureReason" in item:
            return of_status(int(item.FailureReason))
    return of_http(response.status_code)


def _unusable(err: requests.exceptions.RequestException, seconds: float) -> UnusableError:
    match err:
        case requests.exceptions.SSLError():
            return UnusableError("its certificate is not trusted, or TLS fails", passing=False)
        case requests.exceptions.ProxyError():
            return UnusableError("the proxy gives no way to it", passing=True)
        case requests.exceptions.ConnectTimeout():
            return UnusableError(f"no connection in {seconds:.0f} s", passing=True)
        case requests.exceptions.Timeout():
            return UnusableError(f"it did not answer an object in {seconds:.0f} s", passing=True)
        case requests.exceptions.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            return UnusableError("no connection, or it broke off", passing=True)
        case _:
            return UnusableError(
                f"the address cannot be used ({type(err).__name__})", passing=False
            )
