"""A model folder for a fetch, and the files that it must hold afterwards."""

from dataclasses import dataclass, field
from pathlib import Path

from release import REPOSITORY, TAG, small_fold

from ich_resources.backbones.table import BACKBONES, FOLDS, checkpoint_name
from ich_resources.weights.drive import RELEASE, GoogleDrive
from ich_resources.weights.fetch import Wanted, fetch
from ich_resources.weights.sources import Source

ALL = tuple(BACKBONES.values())


@dataclass
class Site:
    """One model folder, and the messages of the fetch into it."""

    folder: Path
    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def fetch(
        self, source: Source, *, force: bool = False, tag: str = TAG, **fields: object
    ) -> dict[str, str]:
        chosen = {"backbones": ALL, "folds": range(FOLDS)} | fields
        wanted = Wanted(
            self.folder,
            release=RELEASE if isinstance(source, GoogleDrive) else f"{REPOSITORY}@{tag}",
            page="https://git.example/the/page",
            force=force,
            **chosen,
        )
        return fetch(wanted, source, self.said.append, self.warned.append)

    def files(self) -> dict[str, bytes]:
        """Everything below the model folder but the lock."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.name != "lock"
        }

    def checkpoints(self) -> dict[str, bytes]:
        """The files that are named as checkpoints, half ones too."""
        return {name: content for name, content in self.files().items() if ".pth" in name}


def expected_checkpoints(size: int = 50_000) -> dict[str, bytes]:
    """The files that a small release unpacks to."""
    return {
        f"{backbone.folder}/{checkpoint_name(fold)}": small_fold(backbone, fold, size)
        for backbone in ALL
        for fold in range(FOLDS)
    }
