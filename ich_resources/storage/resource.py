"""The run root as a Dagster resource."""

from functools import cached_property

import dagster as dg
from pydantic import Field

from ich_resources.environment import RUN_ROOT, folder
from ich_resources.storage.layout import Layout
from ich_resources.storage.records import Records


class StorageResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The run root: every result is below it."""

    run_root: str = Field(
        default="", description="Folder for results. Empty: the environment's RUN_ROOT."
    )

    @cached_property
    def layout(self) -> Layout:
        """Paths below the run root."""
        return Layout(folder(self.run_root, RUN_ROOT, "resources.storage.config.run_root"))

    @cached_property
    def records(self) -> Records:
        """The record of each step of each series."""
        return Records(self.layout)
