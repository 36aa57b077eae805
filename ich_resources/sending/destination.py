"""Where results are sent, as the configuration says it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ich_resources.digests import fingerprint
from ich_resources.errors import SendError
from ich_resources.sending.references import resolve

_TITLE = r"^[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?$"
"""An AE title (DICOM PS3.5, 6.2): at most 16 characters of ASCII, no backslash."""
_REMEDY = "see resources.send in conf/run.example.yaml"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Tls(_Model):
    """TLS of a connection that we open.

    Attributes
    ----------
    ca : str
        File (PEM) with the authorities that we trust. Empty: those of the system.
    certificate, key : str
        Files (PEM) with our certificate and its key, where the destination asks for them. An empty
        key is in the file of the certificate.
    name : str
        The name that the destination's certificate must have. Empty: its host.
    """

    ca: str = ""
    certificate: str = ""
    key: str = ""
    name: str = ""


class Commitment(_Model):
    """Storage commitment: the destination confirms that it keeps what it accepted.

    Attributes
    ----------
    listen_host, listen_port : str, int
        Where we listen for the answer while we wait for it.
    wait_seconds : float
        How long we wait.
    """

    listen_host: str = "127.0.0.1"
    listen_port: int = Field(default=11113, ge=1, le=65535)
    wait_seconds: float = Field(default=60.0, gt=0, le=3600)


class _Destination(_Model):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")


class DimseDestination(_Destination):
    """A PACS that takes C-STORE.

    Attributes
    ----------
    name : str
        Its name in logs and tables.
    host, port : str, int
        Its address.
    called, calling : str
        Its AE title, and ours.
    tls : Tls or None
        None: no TLS.
    commitment : Commitment or None
        None: it is not asked to confirm.
    """

    kind: Literal["dimse"]
    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    called: str = Field(pattern=_TITLE)
    calling: str = Field(default="ICH", pattern=_TITLE)
    tls: Tls | None = None
    commitment: Commitment | None = None

    @property
    def place(self) -> str:
        """What the ledger knows it by: 16 digits that stand for its address, not for its name."""
        return _place({"host": self.host, "port": self.port, "called": self.called})


class WebDestination(_Destination):
    """An archive that takes STOW-RS.

    Attributes
    ----------
    name : str
        Its name in logs and tables.
    url : str
        Address of its DICOMweb service, or a reference to it; see ``references.resolve``.
    credentials : str
        Reference to ``user:password`` or ``Bearer TOKEN``. Empty: none.
    proxy : str
        Reference to the URL of a proxy. Empty: HTTPS_PROXY, HTTP_PROXY and NO_PROXY count.
    tls : Tls or None
        For an address that begins with https.
    """

    kind: Literal["dicomweb"]
    url: str = Field(min_length=1)
    credentials: str = ""
    proxy: str = ""
    tls: Tls | None = None

    @property
    def place(self) -> str:
        """See ``DimseDestination.place``."""
        return _place({"url": self.address})

    @property
    def address(self) -> str:
        """The URL, without a slash at its end.

        Raises
        ------
        SendError
            If it is not an address, or holds credentials. The error does not show it.
        """
        field = f"send.destinations, {self.name}: url"
        given = self.url.strip()
        text = given if given.startswith(("http://", "https://")) else resolve(given, field)
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SendError(f"{field} is not an address", remedy="it begins with https://")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise SendError(
                f"{field} holds a user, a query or a fragment",
                remedy="give the address alone; credentials go into the field credentials",
            )
        return text.rstrip("/")


Destination = DimseDestination | WebDestination
_KINDS: Mapping[str, type[Destination]] = {
    "dimse": DimseDestination,
    "dicomweb": WebDestination,
}
_AE_TITLE = "an AE title has 1 to 16 letters, digits or signs of ASCII, and no backslash"
_FORMS = {
    "name": "a name has 1 to 32 letters, digits, dots, hyphens or underscores",
    "called": _AE_TITLE,
    "calling": _AE_TITLE,
}


def destinations_from(given: Sequence[Mapping[str, Any]]) -> tuple[Destination, ...]:
    """Return the destinations of a configuration.

    Parameters
    ----------
    given : sequence of mapping
        As in ``conf/run.example.yaml``.

    Raises
    ------
    SendError
        If one is not a destination, or two have one name. The error shows no value.
    """
    found: list[Destination] = []
    for number, fields in enumerate(given, start=1):
        kind, fault = _KINDS.get(str(fields.get("kind"))), ""
        try:
            if kind is None:
                fault = "kind: it is not dimse or dicomweb"
            else:
                found.append(kind.model_validate(dict(fields)))
        except ValidationError as err:
            first = err.errors(include_input=False, include_context=False, include_url=False)[0]
            known = _FORMS.get(str(first["loc"][0])) if "pattern" in first["type"] else None
            if first["type"] == "extra_forbidden":
                known = "this field does not exist"
            fault = f"{'.'.join(map(str, first['loc']))}: {known or first['msg']}"
        if fault:  # raised here, so that no error that quotes a value stands behind it
            raise SendError(f"send.destinations, number {number}, {fault}", remedy=_REMEDY)
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise SendError("send.destinations: two destinations have the same name", remedy=_REMEDY)
    return tuple(found)


def _place(address: Mapping[str, Any]) -> str:
    return fingerprint(address)[:16]
