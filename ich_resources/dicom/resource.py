"""Door of the DICOM room."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import dagster as dg
from pydantic import Field

from ich_resources.environment import DICOM_INPUT, folder
from ich_resources.errors import IchError
from ich_resources.series import HuSlice, Ledger, SeriesRecord, SliceRecord


class DicomResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A folder of DICOM files, at any depth; it is only read."""

    input_dir: str = Field(
        default="", description="Folder to read. Empty: the environment's DICOM_INPUT."
    )
    on_bad_slice: Literal["keep", "fail"] = Field(
        default="keep",
        description="keep: score the other slices and mark the series incomplete. "
        "fail: the series fails.",
    )
    policy: dict[str, str] = Field(
        default={},
        description="refuse or warn by reason code, where not the default "
        "(TOO_FEW_SLICES and NOT_AXIAL refuse, the other remarks warn).",
    )
    primary_only: bool = Field(
        default=False, description="Refuse every series of a study but the best (BETTER_SIBLING)."
    )
    group_by: Literal["series", "study"] = Field(
        default="series", description="What slice_id numbers in test_meta_id_seriser.csv."
    )
    threads: int = Field(default=4, ge=1, description="Files read at once.")

    @property
    def folder(self) -> Path:
        """The input folder."""
        return folder(self.input_dir, DICOM_INPUT, "resources.dicom.config.input_dir")

    def scan(self) -> Ledger:
        """Judge every file below the folder; see ``discovery.scan``."""
        from ich_resources.dicom.discovery import scan
        from ich_resources.dicom.policy import verdicts

        try:
            verdicts(self.policy)
        except ValueError as err:
            raise IchError(str(err), remedy="see resources.dicom in run.example.yaml") from err
        return scan(
            self.folder, threads=self.threads, policy=self.policy, primary_only=self.primary_only
        )

    def read(self, series: SeriesRecord, input_dir: Path) -> Iterator[HuSlice | SliceRecord]:
        """Read the admitted slices of a series; see ``reading.read_series``."""
        from ich_resources.dicom.reading import read_series

        return read_series(series, input_dir, threads=self.threads)
