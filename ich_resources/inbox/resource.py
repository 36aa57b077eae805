"""Door of the inbox."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from ich_resources.environment import DICOM_INBOX, folder
from ich_resources.errors import DicomError
from ich_resources.folders import FoundFile, files_below

if TYPE_CHECKING:
    from ich_resources.inbox.index import InboxIndex


class InboxResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A folder that studies come into; it is only read."""

    inbox_dir: str = Field(
        default="", description="Folder to watch. Empty: the environment's DICOM_INBOX."
    )
    quiet_seconds: float = Field(
        default=60.0,
        ge=0,
        description="A series is complete when no file of it came or changed for so long.",
    )
    single_runs: int = Field(
        default=4,
        ge=0,
        description="Up to so many new series get a run each; more of them get one run together, "
        "so that the networks load once.",
    )
    files_per_tick: int = Field(default=5000, ge=1, description="Files read in one tick.")
    seconds_per_tick: float = Field(
        default=20.0, gt=0, description="No file is begun in a tick after so long."
    )
    series_per_tick: int = Field(default=500, ge=1, description="Series judged in one tick.")

    @property
    def folder(self) -> Path:
        """The folder that is watched.

        Raises
        ------
        DicomError
            If it does not exist.
        """
        path = folder(self.inbox_dir, DICOM_INBOX, "resources.inbox.config.inbox_dir")
        if not path.is_dir():
            raise DicomError(
                "the inbox is not there", path=path, remedy="make the folder, or set DICOM_INBOX"
            )
        return path

    def look(self) -> tuple[list[FoundFile], list[tuple[str, str]]]:
        """Return the files below the inbox, and the folders that cannot be opened."""
        return files_below(self.folder)

    def index(self, path: Path) -> AbstractContextManager["InboxIndex"]:
        """Open the index; see ``index.InboxIndex``."""
        from ich_resources.inbox.index import InboxIndex

        return InboxIndex.open(path)
