"""The release on GitHub: of a public repository, and through the API with a token."""

import json
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from ich_resources.errors import FetchError
from ich_resources.weights.attempts import WAITS_S
from ich_resources.weights.sources import Web
from ich_resources.weights.transfer import read_small
from ich_resources.weights.web import Address

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


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
