"""A release in a folder, such as a file share or a portable disk."""

from collections.abc import Sequence
from pathlib import Path

from ich_resources.backbones.table import Backbone
from ich_resources.errors import FetchError
from ich_resources.weights.disk import require_room, writing
from ich_resources.weights.limits import Limits, require_size
from ich_resources.weights.progress import Progress, megabytes
from ich_resources.weights.release import DIGESTS, read_digests
from ich_resources.weights.transfer import discard

_CHUNK = _SMALL = 1 << 20


class Share:
    """A folder that holds the assets under their own names. Nothing is written to it."""

    states_digests = True

    def __init__(self, folder: Path) -> None:
        self.display_name = str(folder)
        self._folder = folder
        self._left = Limits().most_bytes

    def digests(self, backbones: Sequence[Backbone]) -> dict[str, str]:
        """Return the SHA-256 of each archive.

        Raises
        ------
        FetchError
            If the file of digests is missing or cannot be read, or states no digest of an
            archive.
        """
        path = self._file(DIGESTS)
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                text = file.read(_SMALL)
        except OSError as err:
            raise self._unreadable(path, err) from err
        return read_digests(text, backbones, self.display_name)

    def download(self, archive: str, part: Path, expected: str, progress: Progress) -> None:
        """Copy an archive; see ``Source.download``.

        The copy is digested and unpacked, so nobody can exchange it.

        Raises
        ------
        FetchError
            If the archive is missing, cannot be read, grows, or is larger than it may be, or
            the disk is full.
        """
        path = self._file(archive)
        discard(part)
        try:
            size = path.stat().st_size
            source = path.open("rb")
        except OSError as err:
            raise self._unreadable(path, err) from err
        with source:
            require_size(size, self._left, f"the file has {megabytes(size)}", str(path))
            require_room(part.parent, 2 * size, archive)
            with writing(part), part.open("wb") as target:
                while True:
                    try:
                        chunk = source.read(_CHUNK)
                    except OSError as err:
                        raise self._unreadable(path, err) from err
                    if not chunk:
                        break
                    target.write(chunk)
                    require_size(target.tell(), size, "the file grows", str(path))
                    progress.update(target.tell(), size)
            self._left -= size

    def _file(self, asset: str) -> Path:
        path = self._folder / asset
        if not path.is_file():
            raise FetchError(
                "the file does not exist" if self._folder.is_dir() else "the folder does not exist",
                path=path if self._folder.is_dir() else self._folder,
                remedy="put the four files of the release there, or correct base_url",
            )
        return path

    def _unreadable(self, path: Path, err: OSError) -> FetchError:
        return FetchError(
            f"the file cannot be read: {err.strerror}", path=path, remedy="check the share"
        )
