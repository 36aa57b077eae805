"""What is carried from the DICOM room onward: the ledger of a folder, and slice images."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ich_resources.digests import bytes_sha256
from ich_resources.reasons import Reason

SliceState = Literal["admitted", "refused", "failed"]


@dataclass(frozen=True)
class Judgement:
    """Why a slice or a file is not scored."""

    state: Literal["refused", "failed"]
    code: Reason
    reason: str


@dataclass(frozen=True)
class Remark:
    """What is worth knowing of a whole series."""

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
    """One series as found in the folder, every slice of it judged.

    Attributes
    ----------
    description : str
        SeriesDescription.
    remarks : tuple of Remark
        What the policy refuses or warns of.
    primary : bool
        Whether it is the best series of its study.
    input_dir : str
        The folder that the paths of the slices are relative to.
    """

    study_instance_uid: str
    series_instance_uid: str
    description: str
    slices: tuple[SliceRecord, ...]
    remarks: tuple[Remark, ...] = ()
    primary: bool = False
    input_dir: str = ""

    def count(self, state: SliceState) -> int:
        """Return the number of slices in a state."""
        return sum(record.state == state for record in self.slices)

    @property
    def codes(self) -> str:
        """Reason codes of its slices, with their counts, and of its remarks, for a table."""
        counts = Counter(str(s.judgement.code) for s in self.slices if s.judgement is not None)
        counts |= Counter({str(r.code): 1 for r in self.remarks})
        return ", ".join(f"{c} x{n}" if n > 1 else c for c, n in sorted(counts.items()))

    @property
    def sentence(self) -> str:
        """What its codes mean here: the first slice of each code, and the remarks."""
        said = {s.judgement.code: s.judgement.reason for s in reversed(self.slices) if s.judgement}
        said |= {remark.code: remark.reason for remark in self.remarks}
        return "; ".join(dict.fromkeys(said[code] for code in sorted(said)))

    @property
    def to_be_scored(self) -> bool:
        """Whether anything in the series was meant to be scored (else all of it is refused)."""
        return self.count("refused") < len(self.slices)

    @property
    def version(self) -> str:
        """SHA-256 over the set of (SOPInstanceUID, content digest, state), hexadecimal."""
        lines = sorted(f"{s.sop_instance_uid} {s.digest} {s.state}" for s in self.slices)
        return bytes_sha256("\n".join(lines).encode())


@dataclass(frozen=True)
class StrayFile:
    """A DICOM file that belongs to no series."""

    path: str
    judgement: Judgement


@dataclass(frozen=True)
class Ledger:
    """Everything found below the input folders.

    Attributes
    ----------
    input_dirs : tuple of str
        The folders that were read.
    series : tuple of SeriesRecord
        Every series, by UID.
    strays : tuple of StrayFile
        DICOM files that belong to no series.
    files_seen : int
        Files below the folder, of any kind.
    files_not_dicom : int
        Files that are no DICOM by name or magic; not read further.
    """

    input_dirs: tuple[str, ...]
    series: tuple[SeriesRecord, ...]
    strays: tuple[StrayFile, ...]
    files_seen: int
    files_not_dicom: int


@dataclass(frozen=True)
class HuSlice:
    """One slice as the scanner meant it.

    Attributes
    ----------
    record : SliceRecord
        Where it came from.
    hu : float64 array, shape (H, W)
        Hounsfield units.
    window : tuple of float
        Center and width of the header's window in HU.
    """

    record: SliceRecord
    hu: npt.NDArray[np.float64]
    window: tuple[float, float]


@dataclass(frozen=True)
class SeriesImages:
    """A series ready for the networks.

    Attributes
    ----------
    sop_instance_uids : tuple of str
        The scored slices in series order.
    crops : uint8 array, shape (N, 512, 512)
        One 512 crop per slice, shared by all backbones and the saliency.

    Raises
    ------
    ValueError
        If there is not exactly one crop per slice.
    """

    sop_instance_uids: tuple[str, ...]
    crops: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.crops.ndim != 3 or len(self.crops) != len(self.sop_instance_uids):
            raise ValueError(f"{len(self.sop_instance_uids)} slices, crops {self.crops.shape}")
