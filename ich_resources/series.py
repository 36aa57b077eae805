"""What is carried from the DICOM room onward: the ledger of a folder, and slice images."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ich_resources.reasons import Reason

SliceState = Literal["admitted", "refused", "failed"]


@dataclass(frozen=True)
class Judgement:
    """Why a slice or a file is not scored."""

    state: Literal["refused", "failed"]
    code: Reason
    reason: str


@dataclass(frozen=True)
class SliceRecord:
    """One SOP instance as found in the folder; identical copies count once.

    Attributes
    ----------
    path : str
        POSIX path relative to the input folder.
    sop_instance_uid : str
        SOPInstanceUID; empty where the file could not be read.
    digest : str
        SHA-256 of the file's bytes, hexadecimal.
    judgement : Judgement or None
        Why it is not scored; None for an admitted slice.
    position : float or None
        Distance along the slice normal in mm; orders the series.
    position_z : float or None
        z of ImagePositionPatient (else SliceLocation) in mm.
    copies : tuple of str
        Further files with the same bytes.
    """

    path: str
    sop_instance_uid: str
    digest: str
    judgement: Judgement | None = None
    position: float | None = None
    position_z: float | None = None
    copies: tuple[str, ...] = ()

    @property
    def state(self) -> SliceState:
        """``admitted``, ``refused`` or ``failed``."""
        return "admitted" if self.judgement is None else self.judgement.state


@dataclass(frozen=True)
class SeriesRecord:
    """One series as found in the folder, every slice of it judged."""

    study_instance_uid: str
    series_instance_uid: str
    description: str
    slices: tuple[SliceRecord, ...]

    def count(self, state: SliceState) -> int:
        """Return the number of slices in a state."""
        return sum(record.state == state for record in self.slices)

    @property
    def to_be_scored(self) -> bool:
        """Whether anything in the series was meant to be scored (else all of it is refused)."""
        return self.count("refused") < len(self.slices)

    @property
    def version(self) -> str:
        """SHA-256 over the set of (SOPInstanceUID, content digest, state), hexadecimal."""
        lines = sorted(f"{s.sop_instance_uid} {s.digest} {s.state}" for s in self.slices)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class StrayFile:
    """A DICOM file that belongs to no series."""

    path: str
    judgement: Judgement


@dataclass(frozen=True)
class Ledger:
    """Everything found below an input folder.

    Attributes
    ----------
    input_dir : str
        The folder that was read.
    series : tuple of SeriesRecord
        Every series, by UID.
    strays : tuple of StrayFile
        DICOM files that belong to no series.
    files_seen : int
        Files below the folder, of any kind.
    files_not_dicom : int
        Files that are no DICOM by name or magic; not read further.
    """

    input_dir: str
    series: tuple[SeriesRecord, ...]
    strays: tuple[StrayFile, ...]
    files_seen: int
    files_not_dicom: int


@dataclass(frozen=True)
class WindowedSlice:
    """One slice after the window: 8-bit gray at its native size.

    Attributes
    ----------
    record : SliceRecord
        Where it came from.
    image : uint8 array, shape (H, W)
        Window of the header mapped to 0..255.
    window : tuple of float
        Center and width in HU.
    """

    record: SliceRecord
    image: npt.NDArray[np.uint8]
    window: tuple[float, float]
