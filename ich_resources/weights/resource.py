"""The released checkpoints as a Dagster resource: their source, and fetching and verifying them."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

from ich_resources.backbones.table import Backbone
from ich_resources.environment import RELEASE_TOKEN, github_token
from ich_resources.errors import IchError
from ich_resources.weights.release import REPOSITORY, SIDE_FILES, TAG

if TYPE_CHECKING:
    from ich_resources.weights.sources import Source
    from ich_resources.weights.verify import FileReport


class WeightsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The released checkpoints: GitHub by default, or a mirror, a file share, Google Drive."""

    source: Literal["release", "google_drive"] = Field(
        default="release",
        description="release: the assets of a GitHub release, or of base_url. "
        "google_drive: the second source, without checksums (extra drive).",
    )
    repository: str = Field(default=REPOSITORY, description="GitHub repository: owner/name.")
    tag: str = Field(default=TAG, description="Tag of the release.")
    base_url: str = Field(
        default="",
        description="A mirror (http, https) or a folder (file or a path) that holds the assets of "
        "the release under their own names. Empty: GitHub.",
    )
    github_url: str = Field(
        default="https://github.com", description="Another one for GitHub Enterprise."
    )
    github_api_url: str = Field(
        default="https://api.github.com",
        description="Another one for GitHub Enterprise: https://HOST/api/v3. The token goes there.",
    )

    def fetch(
        self,
        model_dir: Path,
        backbones: Sequence[Backbone],
        folds: Sequence[int],
        *,
        force: bool,
        say: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> dict[str, str]:
        """Download the checkpoints into a model folder from this source; see ``fetch.fetch``.

        Parameters
        ----------
        model_dir : Path
            The folder that holds, or will hold, ``2DNet``.
        backbones : sequence of Backbone
            The backbones of the checkpoints.
        folds : sequence of int
            Folds that are needed. Further folds of an archive are installed too.
        force : bool
            Fetch files again that are complete, and replace pinned digests.
        say, warn : callable
            Called with one line of text for the user.

        Returns
        -------
        dict of str to str
            By backbone: ``fetched``, ``kept``, or ``unknown`` (kept, but no digest is pinned).
        """
        from ich_resources.weights import drive
        from ich_resources.weights.fetch import Wanted, fetch

        on_drive = self.source == "google_drive"
        release = drive.RELEASE if on_drive else f"{self.repository}@{self.tag}"
        page = f"{self.github_url.rstrip('/')}/{self.repository}/releases/tag/{self.tag}"
        wanted = Wanted(model_dir, backbones, folds, release, page, force)
        return fetch(wanted, self._source(), say, warn)

    def fetch_side_files(
        self, folder: Path, names: Sequence[str], say: Callable[[str], None]
    ) -> dict[str, str]:
        """Download side files of the reference's training; see ``side_files.fetch_side_files``.

        They are on Google Drive alone, so ``source`` does not count; ``base_url`` does.

        Parameters
        ----------
        folder : Path
            Takes the folders ``data``, ``csv`` and ``features``.
        names : sequence of str
            Keys of ``release.SIDE_FILES``, at least one.
        say : callable
            Called with one line of text for the user.

        Returns
        -------
        dict of str to str
            By name: ``fetched`` or ``kept``.

        Raises
        ------
        IchError
            If there is no side file of a name.
        """
        from ich_resources.weights.drive import GoogleDrive
        from ich_resources.weights.side_files import fetch_side_files
        from ich_resources.weights.sources import from_base_url

        unknown = sorted(set(names) - SIDE_FILES.keys())
        if unknown or not names:
            raise IchError(
                f"there is no side file {', '.join(unknown)}"
                if unknown
                else "no side file is named",
                remedy=f"choose from {', '.join(SIDE_FILES)}",
            )
        url = self.base_url.strip()
        return fetch_side_files(folder, names, from_base_url(url) if url else GoogleDrive(), say)

    def verify(
        self, model_dir: Path, backbones: Sequence[Backbone], folds: Sequence[int]
    ) -> "Iterator[FileReport]":
        """Check every checkpoint file of a model folder; see ``verify.verify``.

        Parameters
        ----------
        model_dir : Path
            The folder that holds ``2DNet``.
        backbones : sequence of Backbone
            Those that are checked.
        folds : sequence of int
            0 to 4.

        Yields
        ------
        FileReport
            One per file, as soon as it is checked.
        """
        from ich_resources.weights.verify import verify

        return verify(model_dir, backbones, folds)

    def _source(self) -> "Source":
        from ich_resources.weights.drive import GoogleDrive
        from ich_resources.weights.github import PrivateRelease, public_release
        from ich_resources.weights.sources import from_base_url

        if self.source == "google_drive":
            return GoogleDrive()
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.repository, re.ASCII) or not self.tag:
            raise IchError(
                f"{self.repository!r} with tag {self.tag!r} is not a release",
                remedy="give repository as owner/name, and the tag of a release",
            )
        if self.base_url.strip():
            return from_base_url(self.base_url.strip())
        token, variable = github_token()
        if token:
            return PrivateRelease(self.github_api_url, self.repository, self.tag, token, variable)
        return public_release(self.github_url, self.repository, self.tag, RELEASE_TOKEN)
