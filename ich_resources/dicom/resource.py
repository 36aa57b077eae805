"""Dagster resource for a folder of DICOM files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import Field, create_model

from ich_resources.dicom.policy import verdicts
from ich_resources.dicom.windows import WindowChoice, parse_window
from ich_resources.environment import DICOM_INPUT, folder
from ich_resources.errors import IchError
from ich_resources.series import Ledger, SeriesRecord, SliceRecord
from ich_resources.series_images import HuSlice

if TYPE_CHECKING:
    from ich_resources.dicom.scanned import ScannedFile

    class DicomPolicy(dg.Config):
        """``refuse`` or ``warn`` for each code of a remark: a field for each of REMARK_CODES."""

else:
    # Fields, not the keys of a mapping: the Launchpad then knows codes and verdicts, and shows the
    # defaults; a name that does not exist is refused before a run exists.
    DicomPolicy = create_model(
        "DicomPolicy",
        __base__=dg.Config,
        **{
            str(code): (Literal["refuse", "warn"], Field(default=verdict))
            for code, verdict in verdicts({}).items()
        },
    )


class DicomResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A folder of DICOM files, at any depth. It is only read."""

    input_dir: str = Field(
        default="", description="Folder to read. If empty: the environment variable DICOM_INPUT."
    )
    on_bad_slice: Literal["keep", "fail"] = Field(
        default="keep",
        description="If a slice cannot be read. keep: score the other slices and mark the series "
        "incomplete. fail: the series fails.",
    )
    policy: DicomPolicy = Field(
        default=DicomPolicy(),
        description="refuse or warn, for each reason code that should not have its default. By "
        "default TOO_FEW_SLICES and NOT_AXIAL refuse, and the other remarks warn.",
    )
    primary_only: bool = Field(
        default=False,
        description="Refuse every series of a study except the best (BETTER_SIBLING).",
    )
    group_by: Literal["series", "study"] = Field(
        default="series",
        description="slice_id of test_meta_id_seriser.csv numbers the slices of a series or of a "
        "study.",
    )
    window: str = Field(
        default="header",
        description="The window of each slice. header: the first pair of its header, as the "
        "reference does; 40/80 where there is none. header_brain: the first pair that is for "
        "brain, else as header. Or center/width in HU for all slices, for example 40/80.",
    )
    mend_12bit: bool = Field(
        default=False,
        description="Mend slices whose HU were wrapped to 12 bits and labelled unsigned: air at "
        "about 3096 HU.",
    )
    mend_signed: bool = Field(
        default=False,
        description="Mend slices whose signed values are labelled unsigned: air at about 64536 HU.",
    )
    threads: int = Field(default=4, ge=1, description="Number of files to read at the same time.")

    @property
    def folder(self) -> Path:
        """The input folder.

        Raises
        ------
        IchError
            If neither the field nor DICOM_INPUT is set.
        """
        return folder(self.input_dir, DICOM_INPUT, "resources.dicom.config.input_dir")

    @property
    def window_choice(self) -> WindowChoice:
        """How the window of a slice is chosen.

        Raises
        ------
        IchError
            If the field ``window`` has none of its forms, or its window is empty.
        """
        try:
            return parse_window(self.window)
        except ValueError as err:
            remedy = "see resources.dicom in conf/run.example.yaml"
            raise IchError(str(err), remedy=remedy) from err

    @property
    def changed_values(self) -> dict[str, Any]:
        """The options that change images and do not have their default, by field.

        Raises
        ------
        IchError
            If the field ``window`` has none of its forms, or its window is empty.
        """
        options: dict[str, Any] = {"window": str(self.window_choice)}
        options |= {"mend_12bit": self.mend_12bit, "mend_signed": self.mend_signed}
        defaults = {"window": "header", "mend_12bit": False, "mend_signed": False}
        return {name: value for name, value in options.items() if value != defaults[name]}

    def scan(self) -> Ledger:
        """Read and judge every file below the folder; see ``discovery.scan``.

        Raises
        ------
        IchError
            If the window is unknown.
        DicomError
            If the folder is missing or cannot be opened, or contains no DICOM file.
        """
        from ich_resources.dicom.discovery import scan

        return scan(
            self.folder,
            threads=self.threads,
            policy=self.policy.model_dump(),
            primary_only=self.primary_only,
            window=self.window_choice,
        )

    def scan_folders(self, folders: Sequence[Path]) -> Ledger:
        """Read and judge every file below some folders as one; see ``discovery.scan_folders``.

        Parameters
        ----------
        folders : sequence of Path
            The folders. They are only read.

        Raises
        ------
        IchError
            If the window is unknown.
        DicomError
            If a folder is missing or cannot be opened, or contains no DICOM file.
        """
        from ich_resources.dicom.discovery import scan_folders

        return scan_folders(
            folders,
            threads=self.threads,
            policy=self.policy.model_dump(),
            primary_only=self.primary_only,
            window=self.window_choice,
        )

    def source_headers(
        self, series: SeriesRecord, sop_instance_uids: Sequence[str]
    ) -> list[dict[str, list[str]]]:
        """Return what the files of scored slices say of patient, study and geometry.

        For DICOM objects and the key file alone; see ``source_headers.source_headers``.
        """
        from ich_resources.dicom.source_headers import source_headers

        return source_headers(series, sop_instance_uids, threads=self.threads)

    def scan_files(
        self, paths: Sequence[str], folder: Path, *, seconds: float
    ) -> list["ScannedFile | None"]:
        """Read and judge files of a folder, as long as there is time; see ``piecewise.scan_files``.

        Parameters
        ----------
        paths : sequence of str
            POSIX paths relative to ``folder``.
        folder : Path
            The folder. It is only read.
        seconds : float
            No file but the first is begun later than this.
        """
        from ich_resources.dicom.piecewise import scan_files

        return scan_files(paths, folder, threads=self.threads, seconds=seconds)

    def assemble(self, files: Sequence[dict[str, Any]], folder: Path) -> tuple[SeriesRecord, ...]:
        """Build and judge the series of scanned files; see ``piecewise.assemble_kept``.

        Parameters
        ----------
        files : sequence of dict
            JSON values of ``ScannedFile.to_json``.
        folder : Path
            Folder to which the paths are relative.

        Raises
        ------
        IchError
            If the window is unknown.
        """
        from ich_resources.dicom.piecewise import assemble_kept

        return assemble_kept(
            files,
            self.policy.model_dump(),
            input_dir=folder,
            primary_only=self.primary_only,
            window=self.window_choice,
        )

    def read(self, series: SeriesRecord) -> Iterator[HuSlice | SliceRecord]:
        """Read the admitted slices of a series, in order; see ``reading.read_series``.

        Parameters
        ----------
        series : SeriesRecord
            The series, from the ledger.

        Yields
        ------
        HuSlice or SliceRecord
            The slice in HU, or its record with the judgement ``failed`` if it cannot be read.
        """
        from ich_resources.dicom.reading import ReadingOptions, read_series
        from ich_resources.dicom.stored_values import Mending

        mending = Mending(wrapped_12bit=self.mend_12bit, signed=self.mend_signed)
        return read_series(
            series,
            Path(series.input_dir),
            threads=self.threads,
            options=ReadingOptions(self.window_choice, mending),
        )
