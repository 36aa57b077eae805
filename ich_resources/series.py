"""Data that the ``dicom`` package hands on: the ledger of a folder, and slice images."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from ich_resources.digests import bytes_sha256
from ich_resources.plain_text import one_line
from ich_resources.reasons import Reason

SliceState = Literal["admitted", "refused", "failed"]


@dataclass(frozen=True)
class Judgement:
    """Why a slice or a file is not scored.

    Attributes
    ----------
    state : str
        ``refused`` (it should not be scored) or ``failed`` (it should be, and cannot be).
    code : Reason
        Reason code.
    reason : str
        What was found, for people.
    """

    state: Literal["refused", "failed"]
    code: Reason
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", one_line(self.reason))


@dataclass(frozen=True)
class Remark:
    """One finding about a whole series; the policy decides between a refusal and a warning.

    Attributes
    ----------
    code : Reason
        Reason code.
    reason : str
        What was found, for people.
    """

    code: Reason
    reason: str


@dataclass(frozen=True)
class SliceRecord:
    """One SOP instance of the folder. Files with the same image make one record.

    Attributes
    ----------
    path : str
        POSIX path relative to the input folder.
    sop_instance_uid : str
        SOPInstanceUID; empty where the file could not be read.
    digest : str
        SHA-256 of the file, hexadecimal.
    judgement : Judgement or None
        Why it is not scored; None if it is admitted.
    position : float or None
        Position along the slice normal, in mm. The slices are ordered by it.
    position_z : float or None
        z of ImagePositionPatient, or SliceLocation where that is absent, in mm.
    copies : tuple of str
        Paths of the other files with the same bytes, or with the same pixels and the same values
        of all elements that scoring reads.
    sides : str
        Where the left, right, upper and lower edge of the image point in the patient, such as
        ``RLAP``; empty where that is not known.
    """

    path: str
    sop_instance_uid: str
    digest: str
    judgement: Judgement | None = None
    position: float | None = None
    position_z: float | None = None
    copies: tuple[str, ...] = ()
    sides: str = ""

    @property
    def state(self) -> SliceState:
        """``admitted``, ``refused`` or ``failed``."""
        return "admitted" if self.judgement is None else self.judgement.state


@dataclass(frozen=True)
class SeriesRecord:
    """One series of the folder. Every slice of it is judged.

    Attributes
    ----------
    study_instance_uid, series_instance_uid : str
        StudyInstanceUID and SeriesInstanceUID.
    description : str
        SeriesDescription.
    slices : tuple of SliceRecord
        Its slices.
    remarks : tuple of Remark
        Findings that the policy refuses or warns of.
    primary : bool
        Whether it is the best series of its study.
    input_dir : str
        Folder to which the paths of the slices are relative.
    manufacturer, model : str or None
        Manufacturer and ManufacturerModelName of its first file; empty if absent, None if an
        earlier version read the file.
    thickness : float or None
        Median SliceThickness in mm; None if absent, or if an earlier version wrote the ledger.
    """

    study_instance_uid: str
    series_instance_uid: str
    description: str
    slices: tuple[SliceRecord, ...]
    remarks: tuple[Remark, ...] = ()
    primary: bool = False
    input_dir: str = ""
    manufacturer: str | None = None
    model: str | None = None
    thickness: float | None = None

    def count(self, state: SliceState) -> int:
        """Return the number of slices in a state."""
        return sum(record.state == state for record in self.slices)

    @property
    def codes(self) -> str:
        """Reason codes of its slices (with their counts) and of its remarks, for a table."""
        counts = Counter(str(s.judgement.code) for s in self.slices if s.judgement is not None)
        counts |= Counter({str(r.code): 1 for r in self.remarks})
        return ", ".join(f"{c} x{n}" if n > 1 else c for c, n in sorted(counts.items()))

    @property
    def sentence(self) -> str:
        """Sentences for its codes: one slice for each code, and the remarks."""
        reasons = {
            s.judgement.code: s.judgement.reason for s in reversed(self.slices) if s.judgement
        }
        reasons |= {remark.code: remark.reason for remark in self.remarks}
        return "; ".join(dict.fromkeys(reasons[code] for code in sorted(reasons)))

    @property
    def to_be_scored(self) -> bool:
        """Whether at least one slice is not refused."""
        return self.count("refused") < len(self.slices)

    @property
    def version(self) -> str:
        """SHA-256 over (SOPInstanceUID, file digest, state) of the slices, hexadecimal."""
        lines = sorted(f"{s.sop_instance_uid} {s.digest} {s.state}" for s in self.slices)
        return bytes_sha256("\n".join(lines).encode())


@dataclass(frozen=True)
class UnassignedFile:
    """A DICOM file in no series, or a folder that cannot be opened.

    Attributes
    ----------
    path : str
        POSIX path relative to the input folder.
    judgement : Judgement
        Why no slice of it is scored.
    """

    path: str
    judgement: Judgement


@dataclass(frozen=True)
class Ledger:
    """The result of a scan of the input folders.

    Attributes
    ----------
    input_dirs : tuple of str
        Folders that were read.
    series : tuple of SeriesRecord
        Every series, sorted by SeriesInstanceUID.
    unassigned : tuple of UnassignedFile
        DICOM files in no series, and folders that cannot be opened.
    files_seen : int
        Number of files below the folders, of any type.
    files_not_dicom : int
        Number of files that are not DICOM: the name does not end in .dcm or .dicom, and they do
        not begin like a DICOM file. Files that a sender still writes to count here.
    files_arriving : int
        Number of files that a sender still writes to: they end in .part or .tmp. It is known after
        a scan alone.
    """

    input_dirs: tuple[str, ...]
    series: tuple[SeriesRecord, ...]
    unassigned: tuple[UnassignedFile, ...]
    files_seen: int
    files_not_dicom: int
    files_arriving: int = 0
