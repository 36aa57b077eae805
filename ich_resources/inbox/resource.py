"""Dagster resource of the inbox."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from ich_resources.environment import DICOM_INBOX, folder
from ich_resources.errors import DicomError
from ich_resources.folders import FoundFile, files_below

if TYPE_CHECKING:
    from ich_resources.inbox.index import InboxIndex
    from ich_resources.inbox.priorities import PriorityRule


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
    ahead: int | None = Field(
        default=None,
        ge=1,
        description="Most requested runs that have not ended. Files that come meanwhile are "
        "collected. Empty: one more than the pool gpu has places.",
    )
    bite_seconds: float = Field(
        default=120.0,
        gt=0,
        description="Where more studies are due than runs are free, a run takes as many as can be "
        "scored in this time, in seconds; at least one.",
    )
    priorities: list[dict[str, Any]] = Field(
        default=[],
        description="Which studies go first: rules such as {field: folder, pattern: emergency, "
        "priority: 10}. field is folder, sender, study_description or body_part. The first rule "
        "that fits a series counts; a study takes the highest priority of its series.",
    )
    paused: bool = Field(
        default=False,
        description="true: no run is requested. New files are still recorded.",
    )
    hang_seconds: float | None = Field(
        default=None,
        gt=0,
        description="The run of a series that takes longer than this, in seconds, is ended. "
        "Empty: 600, or 20 times what its slices take on average, if that is longer.",
    )
    single_runs: int | None = Field(
        default=None, description="Has no effect any more: see ahead and bite_seconds."
    )
    files_per_tick: int = Field(default=5000, ge=1, description="Most files to read in one tick.")
    seconds_per_tick: float = Field(
        default=20.0, gt=0, description="A tick reads no more files after this time, in seconds."
    )
    series_per_tick: int = Field(default=500, ge=1, description="Most series to judge in one tick.")

    @property
    def rules(self) -> "tuple[PriorityRule, ...]":
        """The rules of priority.

        Raises
        ------
        IchError
            If one is not a rule; see ``priorities.rules_from``.
        """
        from ich_resources.inbox.priorities import rules_from

        return rules_from(self.priorities)

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
