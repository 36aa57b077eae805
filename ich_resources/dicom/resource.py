"""Door of the DICOM room."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import Field

from ich_resources.environment import DICOM_INPUT, folder
from ich_resources.errors import IchError
from ich_resources.series import HuSlice, Ledger, SeriesRecord, SliceRecord, UnassignedFile

if TYPE_CHECKING:
    from ich_resources.dicom.policy import Verdict
    from ich_resources.dicom.scanned import ScannedFile
    from ich_resources.reasons import Reason


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

        self._verdicts()
        return scan(
            self.folder, threads=self.threads, policy=self.policy, primary_only=self.primary_only
        )

    def scan_files(self, paths: Sequence[str], folder: Path) -> list["ScannedFile | None"]:
        """Read files of a folder; None for one that is no DICOM. See ``scanned.scan_file``."""
        from ich_resources.dicom.scanned import scan_file

        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(lambda path: scan_file(path, folder), paths))

    def assemble(self, files: Sequence[dict[str, Any]], folder: Path) -> tuple[SeriesRecord, ...]:
        """Judge the series that scanned files (as JSON) belong to; see ``assembly.assemble``."""
        from ich_resources.dicom.assembly import assemble
        from ich_resources.dicom.scanned import ScannedFile

        return assemble(
            [ScannedFile.from_json(file) for file in files],
            self._verdicts(),
            input_dir=str(folder),
            primary_only=self.primary_only,
        )

    def unassigned_files(
        self, files: Sequence[dict[str, Any]], closed: Sequence[tuple[str, str]]
    ) -> tuple[UnassignedFile, ...]:
        """Return scanned files (as JSON) of no series, and closed folders, for the ledger."""
        from ich_resources.dicom.discovery import closed_folder, unassigned_files
        from ich_resources.dicom.scanned import ScannedFile

        shut = [closed_folder(path, why) for path, why in closed]
        return (*shut, *unassigned_files([ScannedFile.from_json(file) for file in files]))

    def _verdicts(self) -> "dict[Reason, Verdict]":
        from ich_resources.dicom.policy import verdicts

        try:
            return verdicts(self.policy)
        except ValueError as err:
            raise IchError(str(err), remedy="see resources.dicom in run.example.yaml") from err

    def read(self, series: SeriesRecord) -> Iterator[HuSlice | SliceRecord]:
        """Read the admitted slices of a series; see ``reading.read_series``."""
        from ich_resources.dicom.reading import read_series

        return read_series(series, Path(series.input_dir), threads=self.threads)
