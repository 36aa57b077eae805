"""Sources of the release: GitHub, a mirror, a folder."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit

from ich_resources.backbones.table import Backbone
from ich_resources.errors import FetchError
from ich_resources.weights.attempts import WAITS_S
from ich_resources.weights.limits import Limits
from ich_resources.weights.progress import Progress
from ich_resources.weights.release import DIGESTS, read_digests
from ich_resources.weights.share import Share
from ich_resources.weights.transfer import download, read_small
from ich_resources.weights.web import Address, Session


class Source(Protocol):
    """A source of the assets of a release.

    Attributes
    ----------
    display_name : str
        Name of the source in logs and errors, without credentials.
    states_digests : bool
        Whether it states the digests of archives. Without them its files replace only missing or
        damaged files.
    """

    display_name: str
    states_digests: bool

    def digests(self, backbones: Sequence[Backbone]) -> dict[str, str]:
        """Return the stated SHA-256 of each archive; empty if the source states no digests."""
        ...

    def download(self, archive: str, part: Path, expected: str, progress: Progress) -> None:
        """Write an archive into a file. The caller compares its digest with the expected one.

        Parameters
        ----------
        archive : str
            Name of the asset.
        part : Path
            Takes the bytes. Bytes of an earlier attempt may lie there.
        expected : str
            SHA-256 that the archive should have. A source that can go on where an earlier
            attempt stopped keeps only bytes that were fetched for it.
        progress : Progress
            Called while bytes come.
        """
        ...


class Web:
    """Assets of a release below one URL.

    Parameters
    ----------
    base_url : str
        The names of the assets are appended to it.
    missing, refused : str
        Remedy for the status 404, and for 401 and 403.
    waits : sequence of float
        See ``transfer.download``.
    limits : Limits, optional
        Other bounds than the usual ones.
    """

    states_digests = True

    def __init__(
        self,
        base_url: str,
        *,
        missing: str,
        refused: str,
        waits: Sequence[float] = WAITS_S,
        limits: Limits | None = None,
    ) -> None:
        self.display_name = base_url.rstrip("/")
        self._remedies = {404: missing, 401: refused, 403: refused}
        self._waits = waits
        self._session = Session()
        self._limits = limits or Limits()
        self._left = self._limits.most_bytes

    def digests(self, backbones: Sequence[Backbone]) -> dict[str, str]:
        """Return the SHA-256 of each archive; see ``transfer.read_small``."""
        content = read_small(self._session, self.address(DIGESTS), self._waits, self._limits)
        return read_digests(content.decode(errors="replace"), backbones, self.display_name)

    def download(self, archive: str, part: Path, expected: str, progress: Progress) -> None:
        """Download an archive; see ``Source.download`` and ``transfer.download``."""
        limits = replace(self._limits, most_bytes=self._left)
        address = self.address(archive)
        download(self._session, address, part, expected, progress, self._waits, limits)
        self._left -= part.stat().st_size

    def address(self, asset: str) -> Address:
        """Return the address of an asset."""
        return Address(f"{self.display_name}/{quote(asset)}", remedies=self._remedies)


def mirror(base_url: str, waits: Sequence[float] = WAITS_S, limits: Limits | None = None) -> Web:
    """Return a mirror; credentials for it come from ``~/.netrc``, as with curl -n.

    Parameters
    ----------
    base_url : str
        The names of the assets are appended to it.
    waits : sequence of float
        Seconds before each further attempt without new bytes.
    limits : Limits, optional
        Other bounds than the usual ones.
    """
    return Web(
        base_url,
        missing="put the files of the release there under their own names, or correct base_url",
        refused="put user and password for this host into ~/.netrc",
        waits=waits,
        limits=limits,
    )


def from_base_url(base_url: str, waits: Sequence[float] = WAITS_S) -> Source:
    """Return the source that a base URL names: http, https, file, or the path of a folder.

    Raises
    ------
    FetchError
        If the URL has another form, or holds credentials: Dagster would store them.
    """
    parts = urlsplit(base_url)
    if parts.scheme in ("http", "https"):
        if parts.username or parts.password or parts.query or parts.fragment or not parts.hostname:
            raise FetchError(
                "base_url must be a plain address, without user, password or query",
                remedy="put credentials into ~/.netrc, and change those: Dagster has stored them",
            )
        return mirror(base_url, waits)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise FetchError(
                f"base_url names the file server {parts.netloc}",
                remedy="mount the share, and give the folder",
            )
        return Share(Path(unquote(parts.path)))
    if "://" in base_url:
        raise FetchError(
            f"base_url is neither http, https, file nor a folder: {parts.scheme}",
            remedy="give one of these",
        )
    return Share(Path(base_url).expanduser().absolute())
