"""Sources of the release: GitHub, a mirror, a folder."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit

from ich_resources.backbones.table import Backbone
from ich_resources.errors import FetchError
from ich_resources.weights.limits import Limits
from ich_resources.weights.progress import Progress
from ich_resources.weights.release import DIGESTS, read_digests
from ich_resources.weights.share import Share
from ich_resources.weights.transfer import WAITS_S, download, read_small
from ich_resources.weights.web import Address, Session

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


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


def public_release(
    github_url: str,
    repository: str,
    tag: str,
    token_variable: str,
    waits: Sequence[float] = WAITS_S,
) -> Web:
    """Return the release of a public repository. Its assets have plain download URLs.

    Parameters
    ----------
    github_url : str
        Of GitHub, or of a GitHub Enterprise server.
    repository : str
        owner/name.
    tag : str
        Tag of the release.
    token_variable : str
        Name of the environment variable that the remedy names. It is not read here.
    waits : sequence of float
        Seconds before each further attempt without new bytes.
    """
    return Web(
        f"{github_url.rstrip('/')}/{repository}/releases/download/{quote(tag)}",
        missing="check repository and tag; for a private repository set "
        f"{token_variable} to a token that may read it",
        refused=f"set {token_variable} to a token that may read the repository",
        waits=waits,
    )


class PrivateRelease(Web):
    """The release of a repository through the API of GitHub, with a token.

    Notes
    -----
    GitHub answers 404 if a token may not read a repository. Only the host of the API gets the
    token: the URL of an asset is made from its number and not taken from an answer.

    Raises
    ------
    FetchError
        If the token would be sent over a network without encryption.
    """

    def __init__(
        self,
        api_url: str,
        repository: str,
        tag: str,
        token: str,
        variable: str,
        waits: Sequence[float] = WAITS_S,
    ) -> None:
        parts = urlsplit(api_url)
        if parts.scheme != "https" and parts.hostname not in _THIS_MACHINE:
            raise FetchError(
                f"the token in {variable} is sent only over https",
                path=api_url,
                remedy="set github_api_url to an address that begins with https",
            )
        super().__init__(
            f"{api_url.rstrip('/')}/repos/{repository}/releases",
            missing=f"check repository and tag, and that the token in {variable} may read the "
            "contents of the repository",
            refused=f"the token in {variable} is not accepted: renew it, or unset it if the "
            "repository is public",
            waits=waits,
        )
        self._tag, self._token = tag, token
        self._numbers: dict[str, int] = {}

    def address(self, asset: str) -> Address:
        """Return the address of an asset; the first call asks the API.

        Raises
        ------
        FetchError
            If the release has no such asset.
        """
        if not self._numbers:
            self._numbers = self._list()
        if asset not in self._numbers:
            raise FetchError(
                f"the release {self._tag} has no asset {asset}",
                path=self.display_name,
                remedy="check repository and tag",
            )
        return self._at(f"assets/{self._numbers[asset]}", "application/octet-stream")

    def _list(self) -> dict[str, int]:
        address = self._at(f"tags/{quote(self._tag)}", "application/vnd.github+json")
        answer = read_small(self._session, address, self._waits, self._limits)
        try:
            assets = json.loads(answer)["assets"]
            return {str(asset["name"]): int(asset["id"]) for asset in assets}
        except (ValueError, KeyError, TypeError) as err:
            raise FetchError(
                "the server did not answer as GitHub's API does",
                path=address.display_name,
                remedy="check github_api_url",
            ) from err

    def _at(self, path: str, accept: str) -> Address:
        return Address(f"{self.display_name}/{path}", accept, self._token, self._remedies)


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
