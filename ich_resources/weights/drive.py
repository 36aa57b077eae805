"""The checkpoints on Google Drive, through the gdown library (extra ``drive``)."""

from collections.abc import Sequence
from pathlib import Path

from ich_resources.backbones.table import Backbone
from ich_resources.deadlines import in_time
from ich_resources.errors import FetchError
from ich_resources.weights.disk import raise_for
from ich_resources.weights.limits import Limits, require_size
from ich_resources.weights.progress import Progress, megabytes
from ich_resources.weights.release import ARCHIVES, DRIVE_IDS, SIDE_FILES, UNREACHABLE
from ich_resources.weights.transfer import discard

RELEASE = "Google Drive"
"""Name of the release that files from Google Drive are recorded with."""
PAGE = "https://drive.google.com/open?id="
"""Shows a file or folder of Google Drive to people; its id follows."""
_TIMEOUT_S = (15.0, 60.0)
_IDS = {ARCHIVES[name]: number for name, number in DRIVE_IDS.items()} | {
    file.archive: file.drive_id for file in SIDE_FILES.values()
}


class GoogleDrive:
    """The second source of the checkpoints.

    Notes
    -----
    Google states no checksum of its files, and neither does the release. They are unpacked under
    the same rules, their digests are not pinned, and the strict load decides. The kind of file of
    each id is not known for sure; only archives can be unpacked.
    """

    states_digests = False

    def __init__(self, retries: int = 4, limits: Limits | None = None) -> None:
        self.display_name = RELEASE
        self._limits = limits or Limits()
        self._left = self._limits.most_bytes
        self._retries = retries

    def digests(self, backbones: Sequence[Backbone]) -> dict[str, str]:
        """Return nothing: none is stated."""
        return {}

    def download(self, archive: str, part: Path, expected: str, progress: Progress) -> None:
        """Download the archive of a backbone, or a side file; see ``Source.download``.

        Raises
        ------
        FetchError
            If gdown is not installed, Google refuses, or cannot be reached.
        """
        try:
            import gdown
            from requests.exceptions import RequestException
        except ModuleNotFoundError as err:
            raise FetchError(
                "the source google_drive needs the library gdown",
                remedy="pip install '.[drive]'",
            ) from err
        number = _IDS[archive]
        _discard(part)

        def at(done: int, total: int | None) -> None:
            size = max(done, total or 0)
            require_size(size, self._left, f"the file has {megabytes(size)}", PAGE + number)
            progress.update(done, total)

        try:
            try:
                in_time(
                    lambda: gdown.download(
                        id=number,
                        output=str(part),
                        quiet=True,
                        use_cookies=False,  # else they are kept below the home folder
                        timeout=_TIMEOUT_S,
                        retries=self._retries,
                        progress=at,
                    ),
                    self._limits.total_s,
                )
                self._left -= part.stat().st_size
            except TimeoutError:
                raise FetchError(
                    f"the transfer took more than {self._limits.total_s:.0f} s",
                    path=PAGE + number,
                    remedy="place the files by hand (docs/weights.md)",
                    code=UNREACHABLE,
                ) from None
            except (gdown.exceptions.DownloadError, RequestException) as err:
                # A RequestException is an OSError too: not one of the disk.
                reason = " ".join(str(err).split())[:300]
                cause = err.__cause__ or err
                network = isinstance(cause, RequestException) and cause.response is None
                raise FetchError(
                    "Google Drive cannot be reached"
                    if network
                    else f"Google Drive does not give the file: {reason}",
                    path=PAGE + number,
                    remedy="Google limits downloads: open this page in a browser, and place the "
                    "files by hand (docs/weights.md)",
                    code=UNREACHABLE if network else "",
                ) from None
            except OSError as err:
                raise_for(part, err)
        except BaseException:
            _discard(part)
            raise


def _discard(part: Path) -> None:
    """Remove the bytes that are here, and gdown's temporary files, whose content is unknown."""
    discard(part)
    for left in part.parent.glob(f"{part.name}*.part"):
        left.unlink(missing_ok=True)
