"""Dagster resource of the inbox."""

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
    """The folder into which studies come. It is only read."""

    inbox_dir: str = Field(
        default="", description="Folder to watch. If empty: the environment variable DICOM_INBOX."
    )
    quiet_seconds: float = Field(
        default=60.0,
        ge=0,
        description="A series is complete when no file of it came or changed for this time, in "
        "seconds.",
    )
    single_runs: int = Field(
        default=4,
        ge=0,
        description="Up to this number of new series, each gets a run of its own. More than this "
        "get one run together, so that the networks load once.",
    )
    files_per_tick: int = Field(default=5000, ge=1, description="Most files to read in one tick.")
    seconds_per_tick: float = Field(
        default=20.0, gt=0, description="A tick reads no more files after this time, in seconds."
    )
    series_per_tick: int = Field(default=500, ge=1, description="Most series to judge in one tick.")

    @property
    def folder(self) -> Path:
        """The folder to watch.

        Raises
        ------
        DicomError
            If the folder does not exist.
        """
        path = folder(self.inbox_dir, DICOM_INBOX, "resources.inbox.config.inbox_dir")
        if not path.is_dir():
            raise DicomError(
                "the inbox folder does not exist",
                path=path,
                remedy="make the folder, or set DICOM_INBOX",
            )
        return path

    def list_files(self) -> tuple[list[FoundFile], list[tuple[str, str]]]:
        """List the files in the inbox, and the folders that cannot be opened.

        Returns
        -------
        files : list of FoundFile
            Sorted by path.
        closed : list of (str, str)
            Path of each folder that cannot be opened, and the reason; see ``files_below``.

        Raises
        ------
        DicomError
            If the inbox does not exist.
        """
        return files_below(self.folder)

    def index(self, path: Path) -> AbstractContextManager["InboxIndex"]:
        """Open the index of the inbox; see ``index.InboxIndex.open``.

        Parameters
        ----------
        path : Path
            The SQLite file of the index.
        """
        from ich_resources.inbox.index import InboxIndex

        return InboxIndex.open(path)
